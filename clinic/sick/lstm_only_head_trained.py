"""Sequence classification: does a token 3 appear later than the last token 7?

Fault: parameters_not_in_optimizer
Fix: pass model.parameters() to the optimizer (the embedding and the LSTM are random and must be trained too)
"""

import numpy as np
import torch
from torch import nn

SEED = 3
VOCAB, LENGTH = 10, 14
np.random.seed(SEED)
torch.manual_seed(SEED)


def make_data(n):
    seqs = np.random.randint(0, VOCAB, size=(n, LENGTH))
    pos = np.arange(LENGTH)
    last3 = np.where(seqs == 3, pos, -1).max(1)
    last7 = np.where(seqs == 7, pos, -1).max(1)
    return torch.from_numpy(seqs), torch.from_numpy((last3 > last7).astype("int64"))


class SequenceClassifier(nn.Module):
    def __init__(self, vocab, emb_dim=8, hidden=24):  # clinic: hidden=24 | hidden=32
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb_dim)
        self.lstm = nn.LSTM(emb_dim, hidden, batch_first=True)  # clinic: nn.LSTM | nn.GRU
        self.fc = nn.Linear(hidden, 2)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.fc(states[:, -1, :])


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(dim=-1) == y).float().mean().item()


train_x, train_y = make_data(2000)
test_x, test_y = make_data(500)

model = SequenceClassifier(VOCAB)
optimizer = torch.optim.Adam(model.fc.parameters(), lr=0.01)  # clinic: 0.01 | 0.005
criterion = nn.CrossEntropyLoss()

batch = 50
for epoch in range(8):
    perm = torch.randperm(len(train_x))
    losses = []
    for i in range(0, len(train_x), batch):
        rows = perm[i : i + batch]
        logits = model(train_x[rows])
        loss = criterion(logits, train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: loss {np.mean(losses):.4f}, test acc {accuracy(model, test_x, test_y):.3f}")
