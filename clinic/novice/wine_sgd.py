"""Three kinds of wine by SGD.

Fault: inputs_not_normalised
Fix: standardise the columns
"""

import torch
from torch import nn, optim
from sklearn.datasets import load_wine

torch.manual_seed(1)


def get_data():
    wine = load_wine()
    X = torch.tensor(wine.data).float()
    y = torch.tensor(wine.target).long()
    return X, y


def build_model():
    return nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))


def train(model, X, y, epochs=2000):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        optimizer.zero_grad()
        out = model(X)
        loss = criterion(out, y)
        loss.backward()
        optimizer.step()
        if epoch % 100 == 0 or epoch == epochs - 1:
            acc = (out.argmax(dim=1) == y).float().mean()
            print(f"Epoch {epoch}: loss {loss.item():.4f}, accuracy {acc.item():.4f}")


X, y = get_data()
model = build_model()
train(model, X, y)
