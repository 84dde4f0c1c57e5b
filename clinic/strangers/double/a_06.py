"""Tiny character-level transformer on a nursery rhyme."""
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
np.random.seed(0)

LINES = [
    "the house that jack built.", "the malt that lay in ", "the rat that ate ", "the cat that chased ",
    "the dog that worried ", "the cow with the crumpled horn that tossed ", "the maiden all forlorn that milked ",
    "the man all tattered and torn that kissed ", "the judge all shaven and shorn that married ",
    "the rooster that crowed in the morn that woke ", "the farmer sowing his corn that kept ",
]
VERSES = ["this is " + "".join(reversed(LINES[:n + 1])) + "\n" for n in range(len(LINES))]
TEXT = "".join(VERSES)
CHARS = sorted(set(TEXT))
STOI = {c: i for i, c in enumerate(CHARS)}


@dataclass
class Config:
    vocab: int = len(CHARS)
    block: int = 32
    dim: int = 48
    heads: int = 4
    layers: int = 2


class SelfAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.h = cfg.heads
        self.qkv = nn.Linear(cfg.dim, 3 * cfg.dim)
        self.proj = nn.Linear(cfg.dim, cfg.dim)
        self.register_buffer("mask", torch.triu(torch.ones(cfg.block, cfg.block)))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (z.view(b, t, self.h, d // self.h).transpose(1, 2) for z in self.qkv(x).chunk(3, dim=-1))
        att = q @ k.transpose(-2, -1) / math.sqrt(d // self.h)
        att = att.masked_fill(self.mask[:t, :t] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(cfg.dim), nn.LayerNorm(cfg.dim)
        self.att = SelfAttention(cfg)
        self.mlp = nn.Sequential(nn.Linear(cfg.dim, 4 * cfg.dim), nn.GELU(), nn.Linear(4 * cfg.dim, cfg.dim))

    def forward(self, x):
        x = x + self.att(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class CharGPT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tok = nn.Embedding(cfg.vocab, cfg.dim)
        self.pos = nn.Embedding(cfg.block, cfg.dim)
        self.blocks = nn.Sequential(*[Block(cfg) for _ in range(cfg.layers)])
        self.ln = nn.LayerNorm(cfg.dim)
        self.head = nn.Linear(cfg.dim, cfg.vocab)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.size(1)))
        return self.head(self.ln(self.blocks(x)))


cfg = Config()
data = torch.tensor([STOI[c] for c in TEXT])
n_train = len("".join(VERSES[:-1]))
train_data, test_data = data[:n_train], data[n_train:]

model = CharGPT(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

for step in range(301):
    starts = torch.randint(0, len(train_data) - cfg.block - 1, (16,))
    xb = torch.stack([train_data[s:s + cfg.block] for s in starts])
    yb = torch.stack([train_data[s + 1:s + cfg.block + 1] for s in starts])
    loss = F.cross_entropy(model(xb).flatten(0, 1), yb.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step:4d}  loss {loss.item():.4f}")

# next character of the last verse, given the characters before it
model.eval()
with torch.no_grad():
    contexts = test_data.unfold(0, cfg.block, 1)[:-1]
    following = test_data[cfg.block:]
    guess = model(contexts)[:, -1].argmax(-1)
print(f"next-character accuracy: {(guess == following).float().mean().item():.4f}")
