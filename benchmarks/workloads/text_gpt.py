"""Predict the next character of generated weather reports with a small transformer."""

import random

import torch
from torch import nn
from torch.nn.functional import cross_entropy

SEED = 0
BLOCK = 32
BATCH_SIZE = 20
STEPS = 300
LR = 3e-3

TOWNS = "amsterdam berlin copenhagen dublin edinburgh florence geneva hamburg istanbul krakow lisbon madrid".split()
SKIES = {"sunny": (18, 34), "cloudy": (8, 19), "rainy": (4, 15), "snowy": (-12, 1), "foggy": (0, 9)}
draw = random.Random(0)


def report():
    """Return one sentence; the temperature and the wind depend on the sky."""
    town, sky = draw.choice(TOWNS), draw.choice(list(SKIES))
    wind = "a storm" if sky in ("rainy", "snowy") and draw.random() < 0.5 else "light wind"
    return f"in {town} it is {sky}, {draw.randint(*SKIES[sky])} degrees and {wind}. "


text = "".join(report() for _ in range(1500))
characters = sorted(set(text))
codes = torch.tensor([characters.index(character) for character in text])
pieces = codes[: len(codes) // (BLOCK + 1) * (BLOCK + 1)].view(-1, BLOCK + 1)
is_test = torch.arange(len(pieces)) % 10 == 0
train, test = pieces[~is_test], pieces[is_test]


class Block(nn.Module):
    """Causal self-attention and a feed-forward network, both with layer normalisation first."""

    def __init__(self, width, heads):
        super().__init__()
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, mask):
        """Return the hidden states of shape (batch, block, width)."""
        normed = self.before_attention(x)
        x = x + self.attention(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return x + self.network(self.before_network(x))


class GPT(nn.Module):
    """A transformer of two blocks."""

    def __init__(self, width=48, heads=4):
        super().__init__()
        self.token = nn.Embedding(len(characters), width)
        self.position = nn.Embedding(BLOCK, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(characters))

    def forward(self, tokens):
        """Return the logits of the next character at each position."""
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        mask = torch.triu(torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool), 1)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


torch.manual_seed(SEED)
model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
for step in range(1, STEPS + 1):
    block = train[torch.randint(len(train), (BATCH_SIZE,))]
    loss = cross_entropy(model(block[:, :-1]).flatten(0, 1), block[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        with torch.no_grad():
            outputs = model(test[:, :-1]).flatten(0, 1)
            test_loss = cross_entropy(outputs, test[:, 1:].flatten()).item()
        print(f"step {step} test loss {test_loss:.4f}")
