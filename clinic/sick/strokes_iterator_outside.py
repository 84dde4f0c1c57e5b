"""A small network reads handwritten digits, batch by batch.

Fault: examples_not_drawn
Fix: loop_over_loader
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)  # clinic: manual_seed(1) | manual_seed(6)
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
held_out = torch.arange(len(labels)) % 5 == 0


class Reader(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.body(x))


reader = Reader(width=40)  # clinic: width=40 | width=56
optimizer = torch.optim.AdamW(reader.parameters(), lr=2e-3)
batches = iter(DataLoader(TensorDataset(pixels[~held_out], labels[~held_out]), batch_size=48, shuffle=True))  # clinic: batch_size=48 | batch_size=32

for epoch in range(10):
    reader.train()
    for x, y in batches:
        loss = F.cross_entropy(reader(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    reader.eval()
    with torch.no_grad():
        accuracy = (reader(pixels[held_out]).argmax(dim=1) == labels[held_out]).float().mean().item()
    print(f"epoch {epoch + 1}: accuracy {accuracy:.4f}")
