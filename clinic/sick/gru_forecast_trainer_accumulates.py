"""Forecast the next value of a noisy seasonal series with a GRU.

Fault: no_zero_grad
Fix: call self.optimizer.zero_grad() at the start of Trainer.training_step
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WindowDataset(Dataset):
    def __init__(self, series, window):
        self.series = torch.as_tensor(series, dtype=torch.float32)
        self.window = window

    def __len__(self):
        return len(self.series) - self.window

    def __getitem__(self, i):
        return self.series[i : i + self.window, None], self.series[i + self.window, None]


class Forecaster(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size, batch_first=True)  # clinic: GRU | LSTM
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(out[:, -1])


class Trainer:
    def __init__(self, model, train_set, val_set, lr, batch_size):
        self.model = model
        self.loss_fn = nn.MSELoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
        self.val_loader = DataLoader(val_set, batch_size=256)

    def training_step(self, batch):
        x, y = batch
        loss = self.loss_fn(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        losses = [self.loss_fn(self.model(x), y).item() for x, y in self.val_loader]
        self.model.train()
        return sum(losses) / len(losses)

    def fit(self, epochs):
        for epoch in range(epochs):
            losses = [self.training_step(batch) for batch in self.train_loader]
            print(f"[{epoch:02d}] train mse {np.mean(losses):.4f}  val mse {self.validate():.4f}")


if __name__ == "__main__":
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    t = np.arange(1400)
    series = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 50) + 0.05 * rng.standard_normal(len(t))
    trainer = Trainer(
        Forecaster(hidden_size=24),  # clinic: 24 | 40
        WindowDataset(series[:1100], window=20),
        WindowDataset(series[1100:], window=20),
        lr=5e-3,  # clinic: 5e-3 | 1e-2
        batch_size=32,
    )
    trainer.fit(epochs=8)
