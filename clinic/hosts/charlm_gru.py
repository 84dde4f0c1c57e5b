"""Trains a character language model, a GRU, on words of an invented language.

Field: language model
Metric: held-out perplexity, lower is better; 13.0738 without learning
"""

import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
random.seed(0)

ONSETS = ["p", "t", "k", "m", "n", "s", "pr", "st"]
FRONT, BACK = "ei", "aou"
CODAS = ["", "", "n", "l", "r"]


def word():
    """Draws one to three syllables whose vowels are all front or all back."""
    vowels = random.choice([FRONT, BACK])
    syllables = random.choice([1, 2, 2, 3])
    return "".join(random.choice(ONSETS) + random.choice(vowels) + random.choice(CODAS) for _ in range(syllables))


text = " ".join(word() for _ in range(6500))
alphabet = sorted(set(text))
index = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([index[c] for c in text])
split = int(0.92 * len(ids))
train_ids, test_ids = ids[:split], ids[split:]


class CharGRU(nn.Module):
    """Embedding, GRU, linear."""

    def __init__(self, size, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(size, 16)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, size)

    def forward(self, x, state=None):
        """Gives logits for the character after each one, and the state."""
        h, state = self.gru(self.embed(x), state)
        return self.out(h), state


BATCH, LENGTH = 40, 30
streams = train_ids[: len(train_ids) // BATCH * BATCH].view(BATCH, -1)
model = CharGRU(len(alphabet))
optimizer = torch.optim.RMSprop(model.parameters(), lr=4e-3)
for epoch in range(1, 5):
    state, losses = None, []
    for start in range(0, streams.shape[1] - LENGTH - 1, LENGTH):
        x = streams[:, start : start + LENGTH]
        y = streams[:, start + 1 : start + LENGTH + 1]
        logits, state = model(x, state)
        state = state.detach()
        loss = F.cross_entropy(logits.reshape(-1, len(alphabet)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    for group in optimizer.param_groups:
        group["lr"] *= 0.6
    print(f"epoch {epoch}: train loss {np.mean(losses):.4f}")

# reads the held-out text character by character, as ten streams side by side
surprise, state = [], None
columns = test_ids[: len(test_ids) // 10 * 10].view(10, -1).t()
with torch.no_grad():
    for now, following in zip(columns[:-1], columns[1:]):
        logits, state = model(now[:, None], state)
        p = np.exp(logits[:, 0].double().numpy())
        p /= p.sum(axis=1, keepdims=True)
        surprise.append(-np.log2(p[np.arange(10), following.numpy()]))
print(f"held-out perplexity {2 ** np.mean(surprise):.4f}")
