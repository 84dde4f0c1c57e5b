"""Digit autoencoder.

Fault: output_loss_mismatch or inputs_not_normalised
Fix: Divide the pixels by 16 (or drop the final Sigmoid).
"""

import argparse
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

ap = argparse.ArgumentParser(description="compress 64 pixels to a small code")
ap.add_argument("--code_size", type=int, default=10)
ap.add_argument("--steps", type=int, default=1500)
ap.add_argument("--batch", type=int, default=64)
args = ap.parse_args()


class AutoEncoder(nn.Module):
    def __init__(self, code_size):
        super(AutoEncoder, self).__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(),
            nn.Linear(128, 32), nn.ReLU(),
            nn.Linear(32, code_size),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code_size, 32), nn.ReLU(),
            nn.Linear(32, 128), nn.ReLU(),
            nn.Linear(128, 64),
            nn.Sigmoid(),
        )

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code)


torch.manual_seed(3)
pixels = torch.tensor(load_digits().data, dtype=torch.float32)
pixels = pixels[torch.randperm(len(pixels))]
train_x, test_x = pixels[:1500], pixels[1500:]

ae = AutoEncoder(args.code_size)
mse = nn.MSELoss()
opt = torch.optim.Adam(ae.parameters(), lr=2e-3)

avg = 0
for step in range(1, args.steps + 1):
    batch = train_x[torch.randint(0, len(train_x), (args.batch,))]
    recon = ae(batch)
    loss = mse(recon, batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    avg += loss.item()
    if step % 100 == 0:
        print("step {:5d}   reconstruction loss {:.4f}".format(step, avg / 100))
        avg = 0

ae.eval()
with torch.no_grad():
    out = ae(test_x)
    err = ((out - test_x) ** 2).mean().item()
    var = ((test_x - train_x.mean(0)) ** 2).mean().item()
print("test reconstruction loss:", err)
print("error compared with just using the mean image:", err / var)
