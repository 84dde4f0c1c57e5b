"""Forecast a load-like series 24 steps ahead with a temporal convolutional network."""
import argparse

import numpy as np
import torch
from torch import nn


def get_args():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--context", type=int, default=96)
    p.add_argument("--horizon", type=int, default=24)
    p.add_argument("--channels", type=int, default=16)
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float, default=4e-3)
    return p.parse_args()


def make_series(n, rng):
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(4 * np.pi * t / 24 + 0.7)
    slow = 0.6 * np.sin(2 * np.pi * t / 61 + 1.0)
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = 0.6 * noise[i - 1] + 0.06 * rng.normal()
    return 50 + 12 * (daily * (1 + 0.3 * slow) + slow + noise)


class CausalBlock(nn.Module):
    def __init__(self, c_in, c_out, kernel, dilation):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv = nn.Conv1d(c_in, c_out, kernel, padding=self.pad, dilation=dilation)
        self.act = nn.GELU()
        self.skip = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x):
        y = self.conv(x)
        y = y[:, :, self.pad:]
        return self.act(y) + self.skip(x)


class TCN(nn.Module):
    def __init__(self, channels, kernel=3, dilations=(1, 2, 4, 8, 16)):
        super().__init__()
        blocks, c = [], 1
        for d in dilations:
            blocks.append(CausalBlock(c, channels, kernel, d))
            c = channels
        self.body = nn.Sequential(*blocks)
        self.head = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        # (batch, time) -> one-step-ahead prediction at every position
        return self.head(self.body(x.unsqueeze(1))).squeeze(1)


@torch.no_grad()
def rollout(model, context, horizon):
    model.eval()
    seq = context
    for _ in range(horizon):
        nxt = model(seq[:, -context.size(1):])[:, -1:]
        seq = torch.cat([seq, nxt], dim=1)
    return seq[:, context.size(1):]


def windows(series, length, stride):
    return torch.tensor(np.stack([series[i:i + length] for i in range(0, len(series) - length + 1, stride)]),
                        dtype=torch.float32)


def main():
    args = get_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    series = make_series(3200, rng)
    train, test = series[:2500], series[2500:]
    mu, sd = train.mean(), train.std()
    train_w = windows((train - mu) / sd, args.context + 1, stride=3)
    test_w = windows((test - mu) / sd, args.context + args.horizon, stride=7)

    model = TCN(args.channels)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=args.epochs)
    burn_in = 32

    for epoch in range(1, args.epochs + 1):
        model.train()
        order = torch.randperm(len(train_w))
        total = 0.0
        for i in range(0, len(order), args.batch_size):
            w = train_w[order[i:i + args.batch_size]]
            inputs, targets = w[:, :-1], w[:, 1:]
            pred = model(inputs)
            loss = ((pred - targets)[:, burn_in:] ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(w)
        sched.step()
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d}  one-step mse {total / len(train_w):.5f}")

    context, future = test_w[:, :args.context], test_w[:, args.context:]
    forecast = rollout(model, context, args.horizon)
    rmse = ((forecast - future) * sd).pow(2).mean().sqrt().item()
    naive = ((context[:, -1:] - future) * sd).pow(2).mean().sqrt().item()
    print(f"naive last-value rmse: {naive:.3f}")
    print(f"test {args.horizon}-step rmse: {rmse:.3f}")


if __name__ == "__main__":
    main()
