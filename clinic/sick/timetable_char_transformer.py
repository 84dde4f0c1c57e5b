"""Next-character transformer on the announcements of a railway station.

Fault: target_leak
Fix: by hand: pass a causal mask to the encoder; every position sees the character that it has to predict. The training loss then ends higher, at what can be known, and the generated text becomes readable
"""

import random

import torch
import torch.nn as nn

random.seed(8)  # clinic: seed(8) | seed(80)
torch.manual_seed(8)

TOWNS = "basel bern chur genf lugano luzern olten thun zug zurich".split()
KINDS = "express local night".split()


def announcement():
    minutes = random.choice([f"{random.randint(2, 59)} late", "on time"])
    return f"{random.choice(KINDS)} to {random.choice(TOWNS)} track {random.randint(1, 16)} {minutes}. "


text = "".join(announcement() for _ in range(900))
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])
BLOCK = 32  # clinic: 32 | 24 | 28


class CharTransformer(nn.Module):
    def __init__(self, dim=48, heads=4, layers=2):  # clinic: dim=48 | dim=40
        super().__init__()
        self.token = nn.Embedding(len(chars), dim)
        self.position = nn.Embedding(BLOCK, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(dim, len(chars))

    def forward(self, x):
        h = self.token(x) + self.position(torch.arange(x.size(1)))
        return self.head(self.encoder(h))


model = CharTransformer()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)  # clinic: lr=2e-3 | lr=3e-3
for step in range(1, 401):
    starts = torch.randint(len(ids) - BLOCK, (16,))
    block = ids[starts[:, None] + torch.arange(BLOCK + 1)]
    logits = model(block[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), block[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

context = ids[:10]
with torch.no_grad():
    for _ in range(60):
        last = model(context[None, -BLOCK:])[0, -1]
        context = torch.cat([context, torch.multinomial(last.softmax(0), 1)])
print("".join(chars[i] for i in context))
