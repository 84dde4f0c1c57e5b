"""Compress the digits to twelve numbers with an autoencoder.

Fault: stopped_too_early
Fix: train for about twenty epochs
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader


class AutoEncoder(nn.Module):
    def __init__(self, code=12):  # clinic: code=12 | code=10 | code=16
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def reconstruction_error(model, pictures):
    model.eval()
    with torch.no_grad():
        error = nn.functional.mse_loss(model(pictures), pictures).item()
    model.train()
    return error


def main():
    torch.manual_seed(2)
    pictures = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    loader = DataLoader(pictures, batch_size=64, shuffle=True)  # clinic: batch_size=64 | batch_size=48 | batch_size=80
    model = AutoEncoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.008 | lr=0.012
    step = 0
    for epoch in range(2):
        for batch in loader:
            loss = nn.functional.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 8 == 0:
                print(f"step {step}: {loss.item():.4f}")
    print(f"reconstruction error {reconstruction_error(model, pictures):.4f}")


if __name__ == "__main__":
    main()
