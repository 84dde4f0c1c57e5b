"""Finds the most frequent symbol of a string with attention of linear cost.

Field: sequence classification
Metric: test accuracy, higher is better; 0.14 without learning
On purpose: the keys have a softmax along the sequence and the queries one along their features.
Source: https://github.com/lucidrains/linear-attention-transformer/issues/8 (efficient attention of Shen et al.)
"""

import torch
import torch.nn.functional as F
from torch import nn

SYMBOLS, LENGTH = 8, 24


class EfficientAttention(nn.Module):
    """Summarises keys and values before the queries read the summary."""

    def __init__(self, width, heads=4):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        """Keeps the shape (batch, length, width)."""
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k = q.softmax(dim=-1), k.softmax(dim=-2)
        context = torch.einsum("bhtd,bhte->bhde", k, v)
        read = torch.einsum("bhtd,bhde->bhte", q, context)
        return self.out(read.transpose(1, 2).reshape(b, t, c))


class Reader(nn.Module):
    """Embedding, two layers and the mean over the string."""

    def __init__(self, width=48):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, width)
        self.attention = nn.ModuleList([EfficientAttention(width) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.head = nn.Sequential(nn.Linear(width, 96), nn.GELU(), nn.Linear(96, SYMBOLS))

    def forward(self, strings):
        """Gives logits: (batch, SYMBOLS)."""
        x = self.embedding(strings)
        for attention, norm in zip(self.attention, self.norms):
            x = x + attention(norm(x))
        return self.head(x.mean(dim=1))


def sample(n):
    """Draws strings in which the label is more frequent than any other symbol."""
    strings = torch.randint(SYMBOLS, (n, LENGTH))
    label = torch.randint(SYMBOLS, (n,))
    strings = torch.where(torch.rand(n, LENGTH) < 0.2, label[:, None], strings)
    counts = F.one_hot(strings, SYMBOLS).sum(dim=1)
    top = counts.topk(2, dim=1).values
    clear = top[:, 0] > top[:, 1]
    return strings[clear], counts.argmax(dim=1)[clear]


torch.manual_seed(0)
x_train, y_train = sample(6000)
x_test, y_test = sample(1500)
model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
steps = 260
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
for step in range(1, steps + 1):
    rows = torch.randint(len(x_train), (64,))
    loss = F.cross_entropy(model(x_train[rows]), y_train[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 65 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    guess = model(x_test).argmax(dim=1)
print(f"test accuracy {(guess == y_test).float().mean().item():.4f}")
