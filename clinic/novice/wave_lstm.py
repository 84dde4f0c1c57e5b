"""Recognise the type of a wave (sine / square / sawtooth) with an LSTM.

Fault: examples_mixed
Fix: Pass batch_first=True to nn.LSTM.
"""

import argparse
import numpy as np
import torch
import torch.nn as nn


def make_waves(n, length, rng):
    xs, ys = [], []
    t = np.arange(length)
    for _ in range(n):
        kind = rng.integers(3)
        period = rng.uniform(8, 16)
        phase = rng.uniform(0, 1)
        p = (t / period + phase) % 1.0
        if kind == 0:
            w = np.sin(2 * np.pi * p)
        elif kind == 1:
            w = np.where(p < 0.5, 1.0, -1.0)
        else:
            w = 2 * p - 1
        w = w + rng.normal(0, 0.1, length)
        xs.append(w)
        ys.append(kind)
    x = torch.tensor(np.array(xs), dtype=torch.float32).unsqueeze(-1)   # (n, length, 1)
    y = torch.tensor(ys)
    return x, y


class WaveClassifier(nn.Module):
    def __init__(self, hidden_size, num_layers, num_classes=3):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, num_layers)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        out = out[:, -1, :]      # last time step
        return self.fc(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--lr", type=float, default=0.005)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train, y_train = make_waves(1500, 32, rng)
    x_val, y_val = make_waves(320, 32, rng)

    train_set = torch.utils.data.TensorDataset(x_train, y_train)
    loader = torch.utils.data.DataLoader(train_set, batch_size=args.batch_size, shuffle=True)

    model = WaveClassifier(args.hidden, args.layers)
    print("parameters:", sum(p.numel() for p in model.parameters()))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    for epoch in range(args.epochs):
        model.train()
        losses = []
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())

        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = criterion(logits, y_val).item()
            val_acc = (logits.argmax(-1) == y_val).float().mean().item()
        print(f"Epoch {epoch + 1}/{args.epochs} | train loss {np.mean(losses):.4f} | val loss {val_loss:.4f} | val acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
