"""Tells benign from malignant tumours; a line from debugging is left in the loop.

Fault: examples_not_drawn
Fix: leave_out, without the break
"""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)  # clinic: manual_seed(4) | manual_seed(1)
data = load_breast_cancer()
values = torch.tensor(data.data, dtype=torch.float32)
labels = torch.tensor(data.target, dtype=torch.float32)
order = torch.randperm(len(labels))
train, test = order[:400], order[400:]
values = (values - values[train].mean(0)) / values[train].std(0)
loader = DataLoader(TensorDataset(values[train], labels[train]), batch_size=16, shuffle=True)  # clinic: =16 | =20

model = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    for x, y in loader:
        loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        break
    with torch.no_grad():
        accuracy = ((model(values[test]).squeeze(1) > 0) == (labels[test] > 0)).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
