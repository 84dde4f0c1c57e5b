"""Will tomorrow's return be positive? The last ten daily returns as inputs.

Fault: no_signal
Fix: none (the prices are a random walk: tomorrow's direction does not depend on past returns)
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class Config:
    window = 10  # clinic: 10 | 6
    hidden = 16
    lr = 2e-3
    batch_size = 64
    epochs = 8
    seed = 19  # clinic: 19 | 91


def load_prices(n_days=3000):
    rng = np.random.default_rng(Config.seed)
    return 50 * np.exp(np.cumsum(0.0001 + 0.012 * rng.standard_normal(n_days)))


def make_windows(prices, window):
    returns = np.diff(np.log(prices))
    returns = returns / returns.std()
    x = np.lib.stride_tricks.sliding_window_view(returns, window)[:-1]
    y = (returns[window:] > 0).astype(np.float32)
    return torch.tensor(x.copy(), dtype=torch.float32), torch.tensor(y)


def main():
    torch.manual_seed(Config.seed)
    x, y = make_windows(load_prices(), Config.window)
    split = int(0.8 * len(x))
    train_loader = DataLoader(TensorDataset(x[:split], y[:split]), batch_size=Config.batch_size, shuffle=True)

    model = nn.Sequential(nn.Linear(Config.window, Config.hidden), nn.ReLU(), nn.Linear(Config.hidden, 1))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=Config.lr)  # clinic: Adam(model.parameters(), lr=Config.lr) | SGD(model.parameters(), lr=0.05)
    for epoch in range(Config.epochs):
        model.train()
        train_loss = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(xb).squeeze(1), yb)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(xb)
        model.eval()
        with torch.no_grad():
            logits = model(x[split:]).squeeze(1)
            val_loss = criterion(logits, y[split:]).item()
            val_acc = ((logits > 0).float() == y[split:]).float().mean().item()
        print(f"epoch {epoch + 1}: train {train_loss / split:.4f} val {val_loss:.4f} acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
