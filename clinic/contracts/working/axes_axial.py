"""Axial attention on pixels: each row of an image is a sequence, then each column.

Field: image classification
Metric: test accuracy, higher is better; 0.1 without learning
On purpose: rows and columns are folded into the batch axis in turn, so that one image is many sequences.
Source: https://github.com/lucidrains/axial-attention/issues/5
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

SIDE = 8


class AxialLayer(nn.Module):
    """Attention along the width, attention along the height and a feed-forward network."""

    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.along_width = nn.MultiheadAttention(width, 2, batch_first=True)
        self.along_height = nn.MultiheadAttention(width, 2, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        """Keeps the shape (batch, height, width, channels)."""
        b, h, w, c = x.shape
        rows = self.norms[0](x).reshape(b * h, w, c)
        x = x + self.along_width(rows, rows, rows, need_weights=False)[0].reshape(b, h, w, c)
        columns = self.norms[1](x).transpose(1, 2).reshape(b * w, h, c)
        mixed = self.along_height(columns, columns, columns, need_weights=False)[0]
        x = x + mixed.reshape(b, w, h, c).transpose(1, 2)
        return x + self.feed(self.norms[2](x))


class AxialNet(nn.Module):
    """Pixels with learnt positions of rows and columns."""

    def __init__(self, width=24):
        super().__init__()
        self.embed = nn.Linear(1, width)
        self.row = nn.Parameter(0.3 * torch.randn(SIDE, 1, width))
        self.column = nn.Parameter(0.3 * torch.randn(1, SIDE, width))
        self.layers = nn.Sequential(AxialLayer(width), AxialLayer(width))
        self.head = nn.Linear(width, 10)

    def forward(self, images):
        """Gives logits from the largest value of each channel."""
        x = self.embed(images.unsqueeze(-1)) + self.row + self.column
        return self.head(self.layers(x).amax(dim=(1, 2)))


torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images / 8.0 - 1.0, dtype=torch.float32)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
train, test = order[:1300], order[1300:]
net = AxialNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.01)
steps = 240
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
for step in range(1, steps + 1):
    rows = train[torch.randint(len(train), (50,))]
    loss = F.cross_entropy(net(images[rows]), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 60 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    guess = torch.cat([net(part).argmax(dim=1) for part in images[test].split(100)])
print(f"test accuracy {(guess == labels[test]).float().mean().item():.4f}")
