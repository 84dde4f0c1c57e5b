import argparse

import numpy as np
import torch
import torch.nn as nn


def get_args():
    p = argparse.ArgumentParser(description="Neural Cox model on simulated patients")
    p.add_argument("--patients", type=int, default=2500)
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--batch-size", type=int, default=250)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--weight-decay", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def simulate(n):
    x = np.random.randn(n, 10)
    x[:, 3] = np.random.rand(n) < 0.4                      # treated
    x[:, 4] = np.random.rand(n) < 0.5                      # sex
    log_hazard = 1.0 * x[:, 0] - 0.8 * x[:, 1] + 0.6 * np.abs(x[:, 2]) - 1.0 * x[:, 3] + 0.5 * x[:, 0] * x[:, 4]
    survival = np.random.exponential(1.0, n) * np.exp(-log_hazard) * 24
    censoring = np.random.uniform(6, 72, n)
    time = np.minimum(survival, censoring)
    event = (survival <= censoring).astype(np.float32)
    return x.astype(np.float32), time.astype(np.float32), event


def cox_loss(risk, time, event):
    """Negative partial log-likelihood, averaged over the events."""
    order = torch.argsort(time)
    risk, event = risk[order], event[order]
    log_risk_set = torch.logcumsumexp(risk, dim=0)
    return -((risk - log_risk_set) * event).sum() / event.sum().clamp(min=1)


def concordance(time, event, risk):
    good = comparable = 0.0
    for i in np.where(event == 1)[0]:
        later = time > time[i]
        comparable += later.sum()
        good += (risk[i] > risk[later]).sum() + 0.5 * (risk[i] == risk[later]).sum()
    return good / comparable


def build_model(n_in):
    return nn.Sequential(
        nn.Linear(n_in, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(32, 16), nn.ReLU(),
        nn.Linear(16, 1, bias=False),
    )


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    x, time, event = simulate(args.patients)
    n_train = int(0.7 * len(x))
    mu, sd = x[:n_train].mean(0), x[:n_train].std(0)
    x = (x - mu) / sd
    print(f"{len(x)} patients, {event.mean():.0%} with an observed event")

    xt, tt, et = (torch.from_numpy(a[:n_train]) for a in (x, time, event))
    model = build_model(x.shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)

    for epoch in range(1, args.epochs + 1):
        model.train()
        perm = torch.randperm(n_train)
        losses = []
        for idx in perm.split(args.batch_size):
            risk = model(xt[idx]).squeeze(1)
            loss = cox_loss(risk, tt[idx], et[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 10 == 0:
            print(f"epoch {epoch:3d}  partial likelihood loss {np.mean(losses):.4f}")

    model.eval()
    with torch.no_grad():
        risk = model(torch.from_numpy(x[n_train:])).squeeze(1).numpy()
    print(f"c-index on held-out patients: {concordance(time[n_train:], event[n_train:], risk):.4f}")


if __name__ == "__main__":
    main()
