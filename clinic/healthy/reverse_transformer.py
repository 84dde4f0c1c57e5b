"""A small transformer encoder that reads a string backwards; a tenth of the targets is garbled.

Fault: none
Looks like: parameters_not_in_optimizer or frozen_or_detached, since the table of positions never gets a gradient; it holds fixed sines and cosines.
Metric: accuracy on clean strings, higher is better; 0.0844 without learning
"""

import math

import torch
import torch.nn as nn

torch.manual_seed(0)  # clinic: seed(0) | seed(18)
VOCAB, LENGTH = 12, 10  # clinic: 12, 10 | 16, 8


def sinusoids(length, dim):
    position = torch.arange(length).unsqueeze(1)
    div = torch.exp(torch.arange(0, dim, 2) * (-math.log(100.0) / dim))
    table = torch.zeros(length, dim)
    table[:, 0::2] = torch.sin(position * div)
    table[:, 1::2] = torch.cos(position * div)
    return table


class Reverser(nn.Module):
    def __init__(self, dim=48, heads=4, layers=1):
        super().__init__()
        self.token = nn.Embedding(VOCAB, dim)
        self.position = nn.Parameter(sinusoids(LENGTH, dim), requires_grad=False)
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(dim, VOCAB)

    def forward(self, tokens):
        return self.head(self.encoder(self.token(tokens) + self.position))


def batch(n):
    tokens = torch.randint(VOCAB, (n, LENGTH))
    target = tokens.flip(1)
    garbled = torch.rand(n, LENGTH) < 0.1
    return tokens, torch.where(garbled, torch.randint(VOCAB, (n, LENGTH)), target)


model = Reverser(dim=48)  # clinic: dim=48 | dim=64
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for step in range(1, 401):
    tokens, target = batch(64)
    logits = model(tokens)
    loss = criterion(logits.flatten(0, 1), target.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 80 == 0:
        with torch.no_grad():
            tokens, _ = batch(256)
            acc = (model(tokens).argmax(-1) == tokens.flip(1)).float().mean().item()
        print(f"step {step} loss {loss.item():.4f} accuracy on clean strings {acc:.3f}")
