"""Digit autoencoder with a small code layer.

Fault: frozen_or_detached
Fix: remove .detach() in encode(), so that the reconstruction error reaches the encoder
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)


class AutoEncoder(nn.Module):
    def __init__(self, n_pixels=64, n_hidden=48, n_code=8):  # clinic: n_code=8 | n_code=5
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_pixels, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_code))
        self.decoder = nn.Sequential(nn.Linear(n_code, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_pixels))

    def encode(self, x):
        return self.encoder(x).detach()

    def decode(self, code):
        return self.decoder(code)

    def forward(self, x):
        return self.decode(self.encode(x))


def reconstruction_error(model, images):
    with torch.no_grad():
        return nn.functional.mse_loss(model(images), images).item()


def run(epochs=20, batch_size=64):
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    images = images - images.mean(0)
    train, held_out = images[:1500], images[1500:]

    model = AutoEncoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: Adam(model.parameters(), lr=3e-3) | NAdam(model.parameters(), lr=2e-3) | RMSprop(model.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(train, batch_size=batch_size, shuffle=True)

    for epoch in range(epochs):
        for batch in loader:
            loss = nn.functional.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if (epoch + 1) % 4 == 0:
            print(
                f"{epoch + 1:3d}  train {reconstruction_error(model, train):.5f}  held-out {reconstruction_error(model, held_out):.5f}"
            )

    codes = model.encode(held_out).numpy()
    print("spread of the codes:", codes.std(axis=0).round(2))


run()
