"""Trains a small causal transformer to write a string of digits again.

Field: language model
Metric: answer accuracy, higher is better; 0.1250 without learning
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

DIGITS, N = 8, 5
SEP, START = DIGITS, DIGITS + 1
VOCAB = DIGITS + 2
CONTEXT = 2 * N + 1


def make_batch(size):
    """Gives rows of START, a string, SEP and the string again."""
    string = torch.randint(DIGITS, (size, N))
    start = torch.full((size, 1), START)
    sep = torch.full((size, 1), SEP)
    return torch.cat([start, string, sep, string], dim=1)


class Attention(nn.Module):
    """Causal multi-head self-attention."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(CONTEXT, CONTEXT)).bool())

    def forward(self, x):
        """Mixes each position with those before it."""
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)
        scores = scores.masked_fill(~self.mask[:t, :t], float("-inf"))
        mixed = scores.softmax(dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x):
        """Adds both sublayers to the stream."""
        x = x + self.attention(self.norm1(x))
        return x + self.feed(self.norm2(x))


class TinyLM(nn.Module):
    """Token and position embeddings, blocks, linear head."""

    def __init__(self, width=40, heads=4, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, width)
        self.positions = nn.Parameter(0.02 * torch.randn(CONTEXT, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCAB)

    def forward(self, x):
        """Gives logits for the next token at each position."""
        h = self.tokens(x) + self.positions[: x.shape[1]]
        return self.head(self.norm(self.blocks(h)))


torch.manual_seed(0)
model = TinyLM()
steps = 220
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / 30, 1.0 - 0.9 * s / steps))
for step in range(1, steps + 1):
    rows = make_batch(40)
    logits = model(rows[:, :-1])
    answer = rows[:, N + 2 :]
    loss = F.cross_entropy(logits[:, N + 1 :].reshape(-1, VOCAB), answer.reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 44 == 0:
        print(f"step {step} loss {loss.item():.4f}")

model.eval()
rows = make_batch(500)
written = rows[:, : N + 2]
with torch.no_grad():
    for _ in range(N):
        written = torch.cat([written, model(written)[:, -1].argmax(dim=-1, keepdim=True)], dim=1)
print(f"answer accuracy {(written[:, N + 2 :] == rows[:, N + 2 :]).float().mean().item():.4f}")
