"""How often does each token occur in its sequence? Multi-head attention written by hand; a tenth of the answers is wrong.

Fault: none
Looks like: degenerate_normalisation or dimensions_exchanged, since there is a softmax over the last dimension, a LayerNorm and several views; the softmax runs over the keys, the norm over all features, and the views only split and merge the heads, with a transpose between.
Metric: right, higher is better; 0.0962 without learning
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)  # clinic: seed(0) | seed(27)
TOKENS, LENGTH = 5, 8  # clinic: 5, 8 | 4, 9


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        batch, length, dim = x.shape
        q, k, v = (
            t.view(batch, length, self.heads, dim // self.heads).transpose(1, 2) for t in self.qkv(x).chunk(3, dim=-1)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(dim // self.heads)
        mixed = torch.softmax(scores, dim=-1) @ v
        return self.out(mixed.transpose(1, 2).contiguous().view(batch, length, dim))


class Counter(nn.Module):
    def __init__(self, dim=48, heads=4):  # clinic: dim=48 | dim=40
        super().__init__()
        self.embed = nn.Embedding(TOKENS, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.head = nn.Linear(dim, LENGTH)

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.attention(self.norm1(x))
        return self.head(x + self.mlp(self.norm2(x)))


def draw(n):
    tokens = torch.randint(TOKENS, (n, LENGTH))
    count = (tokens[:, :, None] == tokens[:, None, :]).sum(2) - 1
    wrong = torch.rand(n, LENGTH) < 0.1
    return tokens, count, torch.where(wrong, torch.randint(LENGTH, (n, LENGTH)), count)


model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=600)
recent = []
for step in range(1, 601):
    tokens, count, answer = draw(48)
    logits = model(tokens)
    loss = F.cross_entropy(logits.flatten(0, 1), answer.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    recent.append(loss.item())
    if step % 100 == 0:
        right = (logits.argmax(-1) == count).float().mean().item()
        print(f"step {step} loss {sum(recent[-50:]) / 50:.4f} right {right:.3f}")
