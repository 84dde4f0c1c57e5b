"""Tumour classification, organised as a module with training_step and configure_optimizers.

Fault: inputs_not_normalised
Fix: standardise the features
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class LitTumour(nn.Module):
    def __init__(self, width=32, lr=0.01):  # clinic: width=32 | width=16 | width=64
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(nn.Linear(30, width), nn.Sigmoid(), nn.Linear(width, 1))
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, x):
        return self.body(x)[:, 0]

    def training_step(self, batch):
        x, y = batch
        return self.loss(self(x), y)

    def validation_step(self, batch):
        x, y = batch
        return ((self(x) > 0).float() == y).float().mean().item()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


def fit(module, train_loader, val_loader, max_epochs):
    optimizer = module.configure_optimizers()
    for epoch in range(max_epochs):
        module.train()
        losses = []
        for batch in train_loader:
            loss = module.training_step(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        module.eval()
        with torch.no_grad():
            acc = [module.validation_step(b) for b in val_loader]
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: train loss {sum(losses) / len(losses):.4f}, val acc {sum(acc) / len(acc):.3f}")


torch.manual_seed(4)
raw = load_breast_cancer()
dataset = TensorDataset(torch.tensor(raw.data, dtype=torch.float32), torch.tensor(raw.target, dtype=torch.float32))
train_part, val_part = random_split(dataset, [469, 100])
train_loader = DataLoader(train_part, batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=48
fit(LitTumour(), train_loader, DataLoader(val_part, batch_size=100), max_epochs=25)
