"""A small vision transformer on handwritten digits, trained with bfloat16 autocast.

Field: vision transformer
Metric: test accuracy, higher is better; 0.1 without learning
"""

import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PATCH = 2


def patchify(images):
    """Cuts (n, height, width) into (n, patches, pixels of a patch)."""
    n, height, width = images.shape
    grid = images.reshape(n, height // PATCH, PATCH, width // PATCH, PATCH)
    return grid.permute(0, 1, 3, 2, 4).flatten(3).flatten(1, 2)


class SelfAttention(nn.Module):
    """Multi-head attention among all tokens of an image."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        """Mixes the tokens of each image."""
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)).softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, t, c))


class Layer(nn.Module):
    """Pre-norm attention and feed-forward network."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        """Adds both sublayers."""
        x = x + self.attention(self.norm1(x))
        return x + self.feed(self.norm2(x))


class ViT(nn.Module):
    """Patch embedding, class token, learnt positions, layers and a linear head."""

    def __init__(self, width=48, heads=4, depth=2, tokens=17):
        super().__init__()
        self.embed = nn.Linear(PATCH * PATCH, width)
        self.summary = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.1 * torch.randn(tokens, width))
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, images):
        """Gives the logits of the ten digits."""
        summary = self.summary.expand(len(images), -1, -1)
        x = torch.cat([summary, self.embed(patchify(images))], dim=1) + self.position
        x = self.norm(self.layers(x))
        return self.head(x[:, 0])


torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(5))
train, test = order[:1350], order[1350:]
mean, std = images[train].mean(), images[train].std()
images = (images - mean) / std

loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=50, shuffle=True)
net = ViT()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
epochs = 12
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * len(loader))
for epoch in range(epochs):
    net.train()
    total = 0.0
    for x, y in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

net.eval()
with torch.no_grad():
    guess = net(images[test]).argmax(dim=1)
print(f"test accuracy {(guess == labels[test]).float().mean().item():.4f}")
