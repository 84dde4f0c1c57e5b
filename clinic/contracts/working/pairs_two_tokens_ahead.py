"""A character language model with two heads: one for the next character and one for the character after it.

On purpose: the second head is trained on targets that are shifted by two; only the first one is evaluated.

Field: language model
Metric: held-out perplexity, lower is better; 15.26 without learning
Source: https://bytez.com/docs/arxiv/2404.19737/paper (Gloeckle et al. 2024, multi-token prediction)
"""

import math
import random

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
random.seed(0)

STARTS, VOWELS, ENDS = ["b", "d", "g", "tr", "sk", "m"], ["aa", "ee", "o", "u"], ["n", "rt", "l", ""]


def word():
    """One or two syllables with the same vowel."""
    vowel = random.choice(VOWELS)
    return "".join(random.choice(STARTS) + vowel + random.choice(ENDS) for _ in range(random.choice([1, 2])))


text = " ".join(word() for _ in range(9000))
alphabet = sorted(set(text))
ids = torch.tensor([alphabet.index(c) for c in text])
split = int(0.92 * len(ids))
train_ids, test_ids = ids[:split], ids[split:]


class TwoHeads(nn.Module):
    """A GRU and one linear head for each distance."""

    def __init__(self, size, hidden=72):
        super().__init__()
        self.embed = nn.Embedding(size, 16)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.heads = nn.ModuleList([nn.Linear(hidden, size) for _ in range(2)])

    def forward(self, x):
        """Logits for one and for two characters ahead."""
        states, _ = self.gru(self.embed(x))
        return [head(states) for head in self.heads]


LENGTH = 48
model = TwoHeads(len(alphabet))
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
steps = 260
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
for step in range(1, steps + 1):
    starts = torch.randint(len(train_ids) - LENGTH - 2, (32,))
    window = train_ids[starts[:, None] + torch.arange(LENGTH + 2)]
    near, far = model(window[:, :-2])
    loss_near = F.cross_entropy(near.flatten(0, 1), window[:, 1:-1].flatten())
    loss_far = F.cross_entropy(far.flatten(0, 1), window[:, 2:].flatten())
    loss = loss_near + 0.5 * loss_far
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 60 == 0:
        print(f"step {step}: one ahead {loss_near.item():.3f}, two ahead {loss_far.item():.3f}")

with torch.no_grad():
    rows = test_ids[: len(test_ids) // 97 * 97].view(-1, 97)
    near, _ = model(rows[:, :-1])
    entropy = F.cross_entropy(near.flatten(0, 1), rows[:, 1:].flatten()).item()
print(f"held-out perplexity {math.exp(entropy):.4f}")
