"""DeepSurv-style Cox model on simulated patients. Reports Harrell's concordance index."""
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def set_seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def simulate_patients(n: int, n_cov: int = 10):
    x = np.random.randn(n, n_cov).astype("float32")
    risk = 1.2 * x[:, 0] - 0.9 * x[:, 1] + 0.8 * x[:, 2] * x[:, 3] + 0.7 * np.abs(x[:, 4])
    survival = np.random.exponential(1.0 / (0.05 * np.exp(risk)))
    censoring = np.random.exponential(30.0, size=n)
    time = np.minimum(survival, censoring).astype("float32")
    event = (survival <= censoring).astype("float32")
    return torch.from_numpy(x), torch.from_numpy(time), torch.from_numpy(event)


class RiskNet(nn.Module):
    def __init__(self, n_cov, hidden=(64, 64), p_drop=0.1):
        super().__init__()
        layers, width = [], n_cov
        for h in hidden:
            layers += [nn.Linear(width, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Dropout(p_drop)]
            width = h
        layers.append(nn.Linear(width, 1, bias=False))
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return self.body(x).squeeze(-1)


class CoxPHLoss(nn.Module):
    """Negative log partial likelihood (Breslow), computed inside the batch."""

    def forward(self, log_risk, time, event):
        order = torch.argsort(time)
        log_risk, event = log_risk[order], event[order]
        log_cum_risk = torch.logcumsumexp(log_risk, dim=0)
        return -((log_risk - log_cum_risk) * event).sum() / event.sum().clamp(min=1.0)


def concordance_index(log_risk, time, event):
    """P(higher risk fails first) over the comparable pairs."""
    earlier = (time[:, None] < time[None, :]) & (event[:, None] == 1)
    diff = log_risk[:, None] - log_risk[None, :]
    score = (diff > 0).float() + 0.5 * (diff == 0).float()
    return (score[earlier].sum() / earlier.sum()).item()


@torch.no_grad()
def evaluate(model, x, time, event):
    model.eval()
    return concordance_index(model(x), time, event)


def main(seed=0, epochs=25, batch_size=128, lr=2e-3):
    set_seed(seed)
    x, time, event = simulate_patients(5500)
    train = TensorDataset(x[:4000], time[:4000], event[:4000])
    test = (x[4000:], time[4000:], event[4000:])
    loader = DataLoader(train, batch_size=batch_size, shuffle=True, drop_last=True)
    print(f"{event.mean():.0%} of the patients have an observed event")

    model = RiskNet(x.shape[1])
    criterion = CoxPHLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)

    for epoch in range(epochs):
        model.train()
        total = 0.0
        for xb, tb, eb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), tb, eb)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d} | loss {total / len(loader):.4f} | test c-index {evaluate(model, *test):.4f}")

    print(f"final test c-index: {evaluate(model, *test):.4f}")


if __name__ == "__main__":
    main()
