"""An MLP-Mixer on handwritten digits: linear layers along the patches, then along the channels.

Field: image classification
Metric: test accuracy, higher is better; 0.1 without learning
On purpose: the two axes of the tokens are exchanged, so that a linear layer runs over positions, and back again.
Source: https://github.com/lucidrains/mlp-mixer-pytorch/issues/13
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

PATCHES, WIDTH = 16, 48


def feed_forward(size, hidden):
    """Two linear layers over the last axis."""
    return nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, size))


class MixerLayer(nn.Module):
    """Token mixing and channel mixing with residual paths."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.tokens = feed_forward(PATCHES, 32)
        self.channels = feed_forward(WIDTH, 96)

    def forward(self, x):
        """Keeps the shape (batch, patches, channels)."""
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """Patches of two by two pixels, layers, and the mean over the patches."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, WIDTH, 2, stride=2)
        self.layers = nn.Sequential(MixerLayer(), MixerLayer())
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))

    def forward(self, images):
        """Gives logits."""
        x = self.embed(images).flatten(2).transpose(1, 2)
        return self.head(self.layers(x).mean(dim=1))


torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
train, test = order[:1300], order[1300:]
net = Mixer()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.02)
steps = 420
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
for step in range(1, steps + 1):
    rows = train[torch.randint(len(train), (64,))]
    loss = F.cross_entropy(net(images[rows]), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 70 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    guess = net(images[test]).argmax(dim=1)
print(f"test accuracy {(guess == labels[test]).float().mean().item():.4f}")
