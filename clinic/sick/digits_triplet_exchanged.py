"""An embedding of handwritten digits by triplets: an anchor, a digit like it, and another one.

Fault: wrong_objective
Fix: pass the positive before the negative to the loss; in the present order, equal digits are pushed apart
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(7)
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
train_x, train_y, test_x, test_y = pixels[:1400], labels[:1400], pixels[1400:], labels[1400:]
of_class = [(train_y == digit).nonzero()[:, 0] for digit in range(10)]


class Embedding(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, size))

    def forward(self, x):
        return nn.functional.normalize(self.layers(x), dim=1)


def alike(digit):
    rows = of_class[int(digit)]
    return rows[torch.randint(len(rows), (1,))]


embed = Embedding()
criterion = nn.TripletMarginLoss(margin=0.5)  # clinic: 0.5 | 0.3 | 0.8
optimizer = torch.optim.Adam(embed.parameters(), lr=1e-3)  # clinic: 1e-3 | 2e-3

for step in range(300):
    anchors = torch.randint(len(train_x), (48,))
    positives = torch.cat([alike(digit) for digit in train_y[anchors]])
    negatives = torch.randint(len(train_x), (48,))
    loss = criterion(embed(train_x[anchors]), embed(train_x[negatives]), embed(train_x[positives]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 100 == 0:
        print(f"step {step + 1}: loss {loss.item():.4f}")

with torch.no_grad():
    nearest = torch.cdist(embed(test_x), embed(train_x)).argmin(1)
print(f"test accuracy of the nearest neighbour: {(train_y[nearest] == test_y).float().mean().item():.3f}")
