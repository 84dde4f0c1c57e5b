import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

random.seed(0)
np.random.seed(0)
torch.manual_seed(0)

TAGS = ["O", "PER", "LOC", "ORG", "DATE"]
SLOTS = {
    "PER": "paris jordan anna peter victoria may chelsea sydney carlos april austin".split(),
    "LOC": "paris jordan london victoria oslo chelsea sydney madrid austin".split(),
    "ORG": "apple shell orange target chelsea amazon jordan oracle".split(),
    "DATE": "may april monday june sunday march".split(),
}
FILLER = ("the a new old very big report market price of fruit apple orange shell target may march was is that it "
          "again today and or because nearly nobody knows about this long story with some more details").split()
FRAMES = ["{PER} said", "said {PER} again", "lives in {LOC}", "flew from {LOC}", "shares of {ORG} rose", "{ORG} inc",
          "on {DATE}", "since {DATE}", "works for {ORG}", "met {PER}"]


def sentence():
    words, tags = [], []
    for k in range(random.randint(1, 3)):
        for _ in range(random.randint(3, 9)):
            words.append(random.choice(FILLER))
            tags.append(0)
        if random.random() < 0.7:
            for w in random.choice(FRAMES).split():
                slot = w.strip("{}")
                words.append(random.choice(SLOTS[slot]) if slot in SLOTS else w)
                tags.append(TAGS.index(slot) if slot in SLOTS else 0)
    return words, tags


train_sents = [sentence() for _ in range(700)]
test_sents = [sentence() for _ in range(200)]
vocab = {w: i + 1 for i, w in enumerate(sorted({w for s, _ in train_sents for w in s}))}


def encode(words):
    return torch.tensor([vocab.get(w, 0) for w in words])


def collate(batch):
    words = [encode(w) for w, _ in batch]
    tags = [torch.tensor(t) for _, t in batch]
    lengths = torch.tensor([len(w) for w in words])
    lengths, order = lengths.sort(descending=True)
    x = pad_sequence(words, batch_first=True)[order]
    y = pad_sequence(tags, batch_first=True, padding_value=-100)
    return x, y, lengths


class Tagger(nn.Module):
    def __init__(self, n_words, n_tags, dim=32, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(n_words, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, n_tags)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.embed(x), lengths, batch_first=True)
        h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(h)


# class weights
counts = torch.bincount(torch.tensor([t for _, tags in train_sents for t in tags]), minlength=len(TAGS)).float()
weights = counts / counts.sum()
weights = weights / weights.mean()

model = Tagger(len(vocab) + 1, len(TAGS))
criterion = nn.CrossEntropyLoss(weight=weights, ignore_index=-100)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(train_sents, batch_size=32, shuffle=True, collate_fn=collate)

for epoch in range(5):
    model.train()
    total = 0.0
    for x, y, lengths in loader:
        logits = model(x, lengths)
        loss = criterion(logits.reshape(-1, len(TAGS)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}  loss {total / len(loader):.4f}")

model.eval()
truth, guess = [], []
with torch.no_grad():
    for words, tags in test_sents:
        logits = model(encode(words).unsqueeze(0), torch.tensor([len(words)]))
        truth += tags
        guess += logits[0].argmax(-1).tolist()
score = f1_score(truth, guess, labels=range(1, len(TAGS)), average="macro", zero_division=0)
print(f"macro F1 (entities): {score:.4f}")
