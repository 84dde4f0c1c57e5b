"""A classifier on top of an encoder that was trained before and is kept as it was.

Fault: weights_not_loaded
Fix: take "encoder." off the names
"""

import io

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(5)
data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
order = torch.randperm(len(x))
before, now = order[:1200], order[1200:1600]

hidden = 48  # clinic: 48 | 80


class Encoder(nn.Module):
    def __init__(self, code=6):
        super().__init__()
        self.first = nn.Linear(64, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, code)

    def forward(self, x):
        return torch.tanh(self.third(torch.tanh(self.second(torch.tanh(self.first(x))))))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(6, 10)

    def forward(self, x):
        return self.head(self.encoder(x))


def fit(score, parameters, rows, epochs, lr):
    optimizer = torch.optim.Adam(parameters, lr=lr)
    for epoch in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(50):  # clinic: 50 | 40
            loss = nn.functional.cross_entropy(score(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}")


classifier = Classifier()
fit(classifier, classifier.parameters(), before, 30, 2e-3)
saved = io.BytesIO()
torch.save(classifier.state_dict(), saved)
saved.seek(0)

encoder = Encoder()
encoder.load_state_dict(torch.load(saved), strict=False)  # clinic: torch.load(saved), strict=False | state_dict=torch.load(saved), strict=False
encoder.requires_grad_(False)
head = nn.Linear(6, 10)
fit(lambda rows: head(encoder(rows)), head.parameters(), now, 40, 1e-2)  # clinic: 40, 1e-2 | 60, 5e-3
