"""Masked language model: a small encoder fills in the hidden tokens of random walks on a graph.

Fault: none
Looks like: target_leak, since the transformer has no causal mask and every position sees all others; the tokens to be predicted are replaced by the mask token, so nothing leaks.
Metric: filled in rightly, higher is better; 0.0478 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)  # clinic: seed(0) | seed(35)
WORDS, LENGTH = 16, 12
MASK = WORDS
neighbours = torch.stack([torch.randperm(WORDS)[:4] for _ in range(WORDS)])
weights = torch.tensor([0.4, 0.3, 0.2, 0.1])


def walks(n):
    tokens = [torch.randint(WORDS, (n,))]
    while len(tokens) < LENGTH:
        tokens.append(neighbours[tokens[-1], torch.multinomial(weights, n, replacement=True)])
    return torch.stack(tokens, dim=1)


class MaskedModel(nn.Module):
    def __init__(self, dim=48, heads=4, layers=1):  # clinic: dim=48 | dim=64
        super().__init__()
        self.words = nn.Embedding(WORDS + 1, dim)
        self.positions = nn.Parameter(0.5 * torch.randn(LENGTH, dim))
        block = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.out = nn.Linear(dim, WORDS)

    def forward(self, tokens):
        return self.out(self.encoder(self.words(tokens) + self.positions))


model = MaskedModel()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
share = 0.2  # clinic: 0.2 | 0.15
recent = []

for step in range(1, 601):
    tokens = walks(48)
    hidden = torch.rand(tokens.shape) < share
    logits = model(tokens.masked_fill(hidden, MASK))
    loss = F.cross_entropy(logits[hidden], tokens[hidden])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    recent.append(loss.item())
    if step % 100 == 0:
        right = (logits[hidden].argmax(1) == tokens[hidden]).float().mean().item()
        print(f"step {step}: masked loss {sum(recent[-50:]) / 50:.4f} filled in rightly {right:.3f}")
