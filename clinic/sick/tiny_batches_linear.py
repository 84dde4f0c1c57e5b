"""Linear regression on noisy measurements.

Fault: fluctuations
Fix: decay the learning rate (or use larger batches)
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(31)
n_features = 12  # clinic: 12 | 14 | 16
x = torch.randn(800, n_features)
coef = torch.randn(n_features, 1)
y = x @ coef + torch.randn(800, 1)

loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True)
model = nn.Linear(n_features, 1)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)  # clinic: lr=0.05 | lr=0.055 | lr=0.06


def full_loss():
    with torch.no_grad():
        return criterion(model(x), y).item()


step = 0
for epoch in range(2):
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 80 == 0:
            print(f"step {step:4d}  batch loss {loss.item():8.4f}  loss on all data {full_loss():.4f}")
print(f"final loss {full_loss():.4f}")
