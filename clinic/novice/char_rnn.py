"""Char rnn.

Fault: no_zero_grad
Fix: Call optimizer.zero_grad() before loss.backward() in each iteration.
"""

import torch
import torch.nn as nn

text = """
the little boat went out to sea, the wind was soft, the wind was free.
the gulls flew high, the waves rolled low, and nobody knew where the boat would go.
it passed the rocks, it passed the bay, it sailed all night, it sailed all day.
the moon came up, the stars came too, and all the world was dark and blue.
then in the morning came the sun, the little boat had seen the fun.
it turned around and sailed for home, across the water and the foam.
the people stood along the shore and said, please tell us more and more.
the boat just rocked and did not say, but went to sleep inside the bay.
"""

torch.manual_seed(123)

chars = sorted(list(set(text)))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
vocab_size = len(chars)
print("characters:", len(text), " vocabulary:", vocab_size)


class CharGRU(nn.Module):
    def __init__(self, vocab_size, emb_size=24, hidden_size=64):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb_size)
        self.gru = nn.GRU(emb_size, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, vocab_size)

    def forward(self, x, h=None):
        e = self.embedding(x)
        out, h = self.gru(e, h)
        return self.linear(out), h


seq_len = 32
batch_size = 16


def get_batch():
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,))
    x = torch.stack([data[s:s + seq_len] for s in starts])
    y = torch.stack([data[s + 1:s + seq_len + 1] for s in starts])
    return x, y


def sample(model, start="the ", n=80):
    model.eval()
    out = start
    h = None
    x = torch.tensor([[stoi[c] for c in start]])
    with torch.no_grad():
        for _ in range(n):
            logits, h = model(x, h)
            p = torch.softmax(logits[0, -1], dim=0)
            i = torch.multinomial(p, 1).item()
            out += itos[i]
            x = torch.tensor([[i]])
    model.train()
    return out


model = CharGRU(vocab_size)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)

running = 0
for it in range(1, 801):
    x, y = get_batch()
    logits, _ = model(x)
    loss = criterion(logits.reshape(-1, vocab_size), y.reshape(-1))
    loss.backward()
    optimizer.step()
    running += loss.item()
    if it % 80 == 0:
        print("iter", it, "loss", round(running / 80, 4))
        running = 0

print("--- sample ---")
print(sample(model))
