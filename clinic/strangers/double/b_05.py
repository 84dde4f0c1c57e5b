"""Character-level language model with a GRU on a small generated corpus."""
import math
import random
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)
random.seed(0)

SUBJECTS = ["the old captain", "a young sailor", "my neighbour", "the baker", "our teacher", "the grey cat"]
VERBS = ["looked at", "carried", "forgot about", "painted", "walked around", "dreamed of"]
OBJECTS = ["the wooden boat", "a heavy basket", "the quiet harbour", "an empty bottle", "the garden wall", "a letter"]
TIMES = ["in the morning", "after the storm", "before dinner", "every sunday", "without a word"]


def make_corpus(n_sentences):
    lines = []
    for _ in range(n_sentences):
        s = f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}"
        if random.random() < 0.6:
            s += " " + random.choice(TIMES)
        lines.append(s + ".")
    return "\n".join(lines)


class CharGRU(nn.Module):
    def __init__(self, vocab, emb=24, hidden=96):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.gru = nn.GRU(emb, hidden)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(hidden, vocab)

    def forward(self, x, h=None):
        out, h = self.gru(self.emb(x), h)
        return self.fc(self.drop(out)), h


def batchify(data, batch_size):
    n = data.numel() // batch_size
    data = data[: n * batch_size]
    return data.view(-1, batch_size).contiguous()      # (time, batch)


def get_batch(source, i, bptt):
    seq_len = min(bptt, source.size(0) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len]


def evaluate(model, source, bptt):
    model.eval()
    total, count, h = 0.0, 0, None
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            x, y = get_batch(source, i, bptt)
            logits, h = model(x, h)
            total += nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
            count += y.numel()
    return total / count


def sample(model, chars, stoi, start="the ", n=80):
    model.eval()
    ids, h = [stoi[c] for c in start], None
    x = torch.tensor(ids).unsqueeze(1)
    with torch.no_grad():
        for _ in range(n):
            logits, h = model(x, h)
            nxt = torch.multinomial(torch.softmax(logits[-1, 0], -1), 1)
            ids.append(nxt.item())
            x = nxt.view(1, 1)
    return "".join(chars[i] for i in ids)


text = make_corpus(1200)
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
encoded = torch.tensor([stoi[c] for c in text])
split = int(0.93 * len(encoded))
BPTT = 32
train_data = batchify(encoded[:split], 20)
test_data = batchify(encoded[split:], 1)

model = CharGRU(len(chars))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.CrossEntropyLoss()
print(len(text), "characters,", len(chars), "symbols")

for epoch in range(1, 5):
    model.train()
    hidden, losses = None, []
    for i in range(0, train_data.size(0) - 1, BPTT):
        x, y = get_batch(train_data, i, BPTT)
        if hidden is not None:
            hidden = hidden.detach()
        optimizer.zero_grad()
        logits, hidden = model(x, hidden)
        loss = criterion(logits.reshape(-1, len(chars)), y.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch} train loss {np.mean(losses):.3f}")

print("sample:", repr(sample(model, chars, stoi)))
print(f"test bits per character: {evaluate(model, test_data, BPTT) / math.log(2):.4f}")
