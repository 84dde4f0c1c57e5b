"""A neural Cox model trained on the partial likelihood of censored survival times.

Field: survival analysis
Metric: concordance index, higher is better; 0.5 without learning
"""

import numpy as np
import torch
from torch import nn


def simulate(n, generator):
    """Covariates, observed times and event flags with exponential baseline hazard."""
    x = generator.normal(size=(n, 6))
    log_hazard = 1.2 * x[:, 0] - 0.9 * x[:, 1] + 0.8 * (x[:, 2] ** 2 - 1.0) + 0.7 * x[:, 3] * x[:, 0]
    lifetime = generator.exponential(np.exp(-log_hazard))
    censoring = generator.exponential(4.0, size=n)
    time = np.minimum(lifetime, censoring)
    event = lifetime <= censoring
    return x.astype(np.float32), time.astype(np.float32), event


def cox_loss(risk, time, event):
    """Negative log partial likelihood per event; the risk set of i is everyone with time >= time of i."""
    order = torch.argsort(time, descending=True)
    risk, event = risk[order], event[order]
    log_risk_set = torch.logcumsumexp(risk, dim=0)
    return -((risk - log_risk_set) * event).sum() / event.sum().clamp(min=1.0)


def concordance(risk, time, event):
    """Share of comparable pairs in which the one who dies first has the higher risk."""
    comparable = event[:, None] & (time[:, None] < time[None, :])
    higher = risk[:, None] > risk[None, :]
    ties = risk[:, None] == risk[None, :]
    return (higher[comparable].sum() + 0.5 * ties[comparable].sum()) / comparable.sum()


def main():
    """Fit the model and report concordance on new patients."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    x, time, event = simulate(2000, generator)
    x_test, time_test, event_test = simulate(1500, generator)
    print(f"{len(x)} patients, {event.mean():.0%} with an event")

    x, time, event = torch.from_numpy(x), torch.from_numpy(time), torch.from_numpy(event).float()
    net = nn.Sequential(
        nn.Linear(6, 32),
        nn.SiLU(),
        nn.Dropout(0.1),
        nn.Linear(32, 32),
        nn.SiLU(),
        nn.Linear(32, 1, bias=False),
    )
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
    for epoch in range(25):
        net.train()
        perm = torch.randperm(len(x))
        total = 0.0
        for start in range(0, len(x), 200):
            idx = perm[start : start + 200]
            loss = cox_loss(net(x[idx]).squeeze(1), time[idx], event[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} partial likelihood loss {total * 200 / len(x):.4f}")

    net.eval()
    with torch.no_grad():
        risk = net(torch.from_numpy(x_test)).squeeze(1).numpy()
    print(f"concordance index {concordance(risk, time_test, event_test):.4f}")


if __name__ == "__main__":
    main()
