"""Synthetic classification where every fifth label is wrong.

Fault: none
Looks like: slow_progress or plateau, since the loss stops falling far above zero; that is the floor set by the label noise.
Metric: val_acc, higher is better; 0.3022 without learning
"""

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trainer:
    def __init__(self, model, optimizer, loss_fn, train_loader, val_loader):
        self.model = model
        self.optimizer = optimizer
        self.loss_fn = loss_fn
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.history = []

    def _run_epoch(self):
        self.model.train()
        losses = []
        for inputs, labels in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(inputs), labels)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def _validate(self):
        self.model.eval()
        hits = total = 0
        for inputs, labels in self.val_loader:
            hits += (self.model(inputs).argmax(1) == labels).sum().item()
            total += len(labels)
        return hits / total

    def fit(self, n_epochs):
        for epoch in range(n_epochs):
            self.history.append((self._run_epoch(), self._validate()))
            print("epoch {:2d} - loss {:.4f} - val_acc {:.3f}".format(epoch, *self.history[-1]))


torch.manual_seed(0)  # clinic: seed(0) | seed(12)
X, y = make_classification(
    n_samples=5000,
    n_features=12,
    n_informative=6,
    n_redundant=0,
    n_classes=3,
    class_sep=1.6,
    flip_y=0.2,  # clinic: 0.2 | 0.3
    random_state=0,
)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.long)
train_loader = DataLoader(TensorDataset(X[:4000], y[:4000]), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(X[4000:], y[4000:]), batch_size=500)

network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))  # clinic: ReLU | ELU
trainer = Trainer(
    network, torch.optim.Adam(network.parameters(), lr=5e-3), nn.CrossEntropyLoss(), train_loader, val_loader
)
trainer.fit(8)
