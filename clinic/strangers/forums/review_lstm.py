import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

GOOD = "great lovely superb enjoyable fine brilliant charming".split()
BAD = "awful dull boring terrible poor weak dreadful".split()
FILL = "the a film plot actor scene music it was and with of in story camera this".split()
MAXLEN = 150


def make_reviews(n, rnd):
    out = []
    for _ in range(n):
        label = rnd.randint(0, 1)
        words = [rnd.choice(FILL) for _ in range(rnd.randint(4, 14))]
        for _ in range(2):
            words.insert(rnd.randint(0, len(words)), rnd.choice(GOOD if label else BAD))
        out.append((words, label))
    return out


class Vocab:
    def __init__(self, reviews):
        self.itos = ["<pad>"] + sorted({w for ws, _ in reviews for w in ws})
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    def encode(self, words):
        return torch.tensor([self.stoi[w] for w in words])


def collate(items, vocab):
    seqs = [vocab.encode(ws) for ws, _ in items]
    lengths = torch.tensor([len(s) for s in seqs])
    seqs.append(torch.zeros(MAXLEN, dtype=torch.long))
    x = pad_sequence(seqs, batch_first=True)[:-1]
    y = torch.tensor([float(l) for _, l in items])
    return x, lengths, y


class Sentiment(nn.Module):
    def __init__(self, n_words, emb=24, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(n_words, emb)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x, lengths):
        e = self.emb(x)
        out, (h, c) = self.lstm(e)
        return self.fc(out[:, -1]).squeeze(1)


rnd = random.Random(0)
torch.manual_seed(0)
train, test = make_reviews(1200, rnd), make_reviews(300, rnd)
vocab = Vocab(train)
model = Sentiment(len(vocab.itos))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()

for epoch in range(8):
    rnd.shuffle(train)
    tot = 0.0
    for i in range(0, len(train), 40):
        x, n, y = collate(train[i:i + 40], vocab)
        loss = bce(model(x, n), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    with torch.no_grad():
        x, n, y = collate(test, vocab)
        acc = ((model(x, n) > 0).float() == y).float().mean().item()
    print(f"Epoch {epoch + 1}: loss={tot / 30:.4f} test_acc={acc:.3f}")
