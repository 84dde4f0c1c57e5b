import torch
import torch.nn as nn
import torch.nn.functional as F
import numpy as np

torch.manual_seed(1)
np.random.seed(1)

subjects = ["the old sailor", "my neighbour", "a small dog", "the baker", "our teacher", "the grey cat"]
verbs = ["watches", "follows", "paints", "remembers", "forgets", "carries"]
objects = ["the red boat", "a paper moon", "the wooden bridge", "a bag of flour", "the river", "an empty bottle"]
ends = ["at night.", "every morning.", "without a word.", "by the sea.", "for a while."]

text = ""
for _ in range(3000):
    text += " ".join([np.random.choice(subjects), np.random.choice(verbs),
                      np.random.choice(objects), np.random.choice(ends)]) + "\n"

chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for c, i in stoi.items()}
data = torch.tensor([stoi[c] for c in text])
vocab = len(chars)

seq_len = 50
batch_size = 32


def get_batch():
    starts = torch.randint(0, len(data) - seq_len - 1, (batch_size,))
    x = torch.stack([data[s:s + seq_len] for s in starts])
    y = torch.stack([data[s + 1:s + seq_len + 1] for s in starts])
    return x, y


class CharLSTM(nn.Module):
    def __init__(self, vocab, emb=32, hidden=128):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, vocab)

    def forward(self, x, state=None):
        h, state = self.lstm(self.emb(x), state)
        return self.fc(h), state


@torch.no_grad()
def sample(model, n=200, start="the "):
    model.eval()
    x = torch.tensor([[stoi[c] for c in start]])
    state = None
    out = start
    for _ in range(n):
        logits, state = model(x, state)
        p = F.softmax(logits[0, -1], dim=-1)
        nxt = torch.multinomial(p, 1)
        out += itos[nxt.item()]
        x = nxt.view(1, 1)
    model.train()
    return out


model = CharLSTM(vocab)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

running = 0.0
for step in range(1, 501):
    x, y = get_batch()
    logits, _ = model(x)
    loss = criterion(logits.view(batch_size, vocab, seq_len), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    running += loss.item()
    if step % 50 == 0:
        print(f"step {step:4d} | loss {running / 50:.4f} | ppl {np.exp(running / 50):.2f}")
        running = 0.0

with torch.no_grad():
    x, y = get_batch()
    logits, _ = model(x)
    acc = (logits.argmax(-1) == y).float().mean().item()
print("next char accuracy:", round(acc, 4))
print(sample(model))
