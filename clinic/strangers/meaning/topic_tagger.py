"""Transformer tagger that labels every token of a variable-length sentence by its agreement with the sentence's topic word."""
import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

random.seed(0)
torch.manual_seed(0)

PAD = 0
TOPICS = list(range(1, 7))
WORDS = list(range(7, 31))
N_TAGS = 3
MAX_LEN = 20


def make_sentence():
    n = random.randint(6, 16)
    topic = random.choice(TOPICS)
    tokens = [random.choice(WORDS) for _ in range(n)]
    tags = [(w + topic) % N_TAGS for w in tokens]
    at = random.randrange(n)
    tokens[at], tags[at] = topic, 0
    return tokens, tags


class TagData(Dataset):
    def __init__(self, n):
        self.items = [make_sentence() for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        tokens, tags = self.items[i]
        pad = MAX_LEN - len(tokens)
        return torch.tensor(tokens + [PAD] * pad), torch.tensor(tags + [-100] * pad)


class Tagger(nn.Module):
    def __init__(self, vocab=31, d=48, heads=4, layers=1):
        super().__init__()
        self.tok = nn.Embedding(vocab, d, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(1, MAX_LEN, d) * 0.02)
        layer = nn.TransformerEncoderLayer(d, heads, 96, dropout=0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(d, N_TAGS)

    def forward(self, x):
        mask = x != PAD
        h = self.tok(x) + self.pos[:, :x.size(1)]
        h = self.enc(h, src_key_padding_mask=mask)
        return self.out(h)


def token_accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            pred = model(x).argmax(-1)
            keep = y != -100
            right += (pred[keep] == y[keep]).sum().item()
            total += keep.sum().item()
    return right / total


train_loader = DataLoader(TagData(1500), batch_size=50, shuffle=True)
val_loader = DataLoader(TagData(400), batch_size=200)

model = Tagger()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
criterion = nn.CrossEntropyLoss(ignore_index=-100)

for epoch in range(7):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = criterion(logits.reshape(-1, N_TAGS), y.reshape(-1))
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch + 1}: loss {running / len(train_loader):.4f}  val token accuracy {token_accuracy(model, val_loader):.4f}")
