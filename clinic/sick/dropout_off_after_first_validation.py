"""Two-class problem with few rows and many irrelevant columns.

Fault: eval_mode
Fix: call self.model.train() at the start of every epoch in fit() (score() leaves the network in eval mode, so dropout is off)
"""

import torch
from sklearn.datasets import make_classification
from torch import nn


class Learner:
    """Keeps model, optimizer and data together."""

    def __init__(self, model, data, valid, lr=1e-3, bs=32):
        self.model, self.data, self.valid, self.bs = model, data, valid, bs
        self.loss_func = nn.BCEWithLogitsLoss()
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)

    def one_batch(self, xb, yb):
        loss = self.loss_func(self.model(xb).squeeze(1), yb)
        loss.backward()
        self.opt.step()
        self.opt.zero_grad()
        return loss.detach()

    def score(self):
        self.model.eval()
        xv, yv = self.valid
        with torch.no_grad():
            out = self.model(xv).squeeze(1)
        return self.loss_func(out, yv).item(), ((out > 0) == (yv > 0.5)).float().mean().item()

    def fit(self, epochs):
        X, y = self.data
        for epoch in range(epochs):
            order = torch.randperm(len(X))
            total = 0.0
            for idx in order.split(self.bs):
                total += self.one_batch(X[idx], y[idx]).item() * len(idx)
            valid_loss, valid_acc = self.score()
            if epoch % 5 == 4:
                print(f"{epoch + 1}\t{total / len(X):.4f}\t{valid_loss:.4f}\t{valid_acc:.4f}")


torch.manual_seed(9)  # clinic: 9 | 31
X, y = make_classification(
    n_samples=1400, n_features=60, n_informative=8, n_redundant=0, flip_y=0.1, class_sep=1.0, random_state=4
)
X = torch.tensor(X, dtype=torch.float32) / 1.5
y = torch.tensor(y, dtype=torch.float32)

width = 200  # clinic: 200 | 300
p = 0.6
model = nn.Sequential(
    nn.Dropout(0.2),
    nn.Linear(60, width),
    nn.ReLU(),
    nn.Dropout(p),
    nn.Linear(width, width),
    nn.ReLU(),
    nn.Dropout(p),
    nn.Linear(width, 1),
)
print("epoch\ttrain\tvalid\tacc")
Learner(model, (X[:400], y[:400]), (X[400:], y[400:])).fit(30)
