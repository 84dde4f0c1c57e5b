"""Tells three kinds of wine apart by their analysis, in batches.

Fault: gradients_lost
Fix: step_in_loop, optimizer.step() in the loop over the batches
"""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)  # clinic: manual_seed(5) | manual_seed(2)
wine = load_wine()
values = torch.tensor(wine.data, dtype=torch.float32)
labels = torch.tensor(wine.target)
order = torch.randperm(len(labels))
train, test = order[:120], order[120:]
values = (values - values[train].mean(0)) / values[train].std(0)
loader = DataLoader(TensorDataset(values[train], labels[train]), batch_size=8, shuffle=True)  # clinic: =8 | =10

model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(15):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
    optimizer.step()
    with torch.no_grad():
        accuracy = (model(values[test]).argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
