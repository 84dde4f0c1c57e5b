"""Topic of short documents: averaged word vectors in a sparse embedding table and a linear layer.

Fault: none
Looks like: frozen_or_detached or dead weights, since most rows of the table get no gradient in a step; only the words of the batch do, which is what sparse=True is for.
Metric: test accuracy, higher is better; 0.1884 without learning
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
torch.manual_seed(0)

VOCAB, TOPICS, DOCS, LENGTH = 2000, 5, 18000, 12  # clinic: 2000, 5 | 1500, 4
zipf = 1.0 / np.arange(1, VOCAB + 1) ** 0.8
boost = np.exp(rng.normal(0, 0.6, size=(TOPICS, VOCAB)))
probs = zipf * boost
probs /= probs.sum(1, keepdims=True)
topics = rng.integers(0, TOPICS, DOCS)
docs = np.stack([rng.choice(VOCAB, LENGTH, p=probs[k]) for k in topics])
train_set = TensorDataset(torch.tensor(docs[:16000]), torch.tensor(topics[:16000]))
X_test, y_test = torch.tensor(docs[16000:]), torch.tensor(topics[16000:])


class DocClassifier(nn.Module):
    def __init__(self, vocab, dim, classes):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, sparse=True)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.linear = nn.Linear(dim, classes)

    def forward(self, tokens):
        return self.linear(self.embed(tokens).mean(dim=1))


clf = DocClassifier(VOCAB, 32, TOPICS)  # clinic: 32 | 24
opt_embed = torch.optim.SparseAdam(list(clf.embed.parameters()), lr=0.01)
opt_linear = torch.optim.Adam(clf.linear.parameters(), lr=0.01)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(2):
    seen, total = 0, 0.0
    for tokens, labels in DataLoader(train_set, batch_size=64, shuffle=True):  # clinic: batch_size=64 | batch_size=80
        loss = loss_fn(clf(tokens), labels)
        opt_embed.zero_grad()
        opt_linear.zero_grad()
        loss.backward()
        opt_embed.step()
        opt_linear.step()
        total += loss.item() * len(labels)
        seen += len(labels)
    with torch.no_grad():
        acc = (clf(X_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch}: train loss {total / seen:.4f}, test accuracy {acc:.3f}")
