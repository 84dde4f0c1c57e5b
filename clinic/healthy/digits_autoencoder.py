"""Autoencoder on the digits, pixels in [0, 1], sigmoid output and binary cross-entropy.

Fault: none
Looks like: plateau or labels_wrong, since the loss stops near 0.25 and the targets are grey values; the entropy of grey pixels is the floor of this loss.
Metric: mean absolute error per pixel, lower is better; 0.3966 without learning
"""

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

torch.manual_seed(0)  # clinic: seed(0) | seed(25)

images = torch.from_numpy(load_digits().data / 16).float()
loader = DataLoader(images, batch_size=64, shuffle=True)

CODE = 12  # clinic: 12 | 16
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CODE))
decoder = nn.Sequential(nn.Linear(CODE, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = optim.Adam(params, lr=5e-3)  # clinic: lr=5e-3 | lr=4e-3
criterion = nn.BCELoss()

n_epochs = 15
for epoch in range(n_epochs):
    batch_losses = []
    for batch in loader:
        code = encoder(batch)
        reconstruction = decoder(code)
        loss = criterion(reconstruction, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    if (epoch + 1) % 3 == 0:
        print("Epoch [{}/{}], Loss: {:.4f}".format(epoch + 1, n_epochs, sum(batch_losses) / len(batch_losses)))

with torch.no_grad():
    error = (decoder(encoder(images)) - images).abs().mean().item()
    entropy = -(torch.xlogy(images, images) + torch.xlogy(1 - images, 1 - images)).mean().item()
print(f"mean absolute error per pixel {error:.4f}, entropy of the pixels {entropy:.4f}")
