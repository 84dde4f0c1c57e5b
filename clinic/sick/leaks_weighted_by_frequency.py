"""Leaks in pumps are rare, and the loss weighs each kind of pump state by how often it occurs.

Fault: class_weights
Fix: invert_weights
"""

import torch
from torch import nn

torch.manual_seed(1)  # clinic: manual_seed(1) | manual_seed(8)
PUMPS = 2400
states = torch.randn(PUMPS, 10)
pressure = states[:, :3].sum(1) + 0.6 * states[:, 3] * states[:, 4]
kind = (pressure > 2.6).long() + (pressure > 3.6).long()  # sound, wet, leaking
train_x, train_y, test_x, test_y = states[:1800], kind[:1800], states[1800:], kind[1800:]

share = torch.bincount(train_y, minlength=3) / len(train_y)
criterion = nn.CrossEntropyLoss(weight=share)
network = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 3))  # clinic: 48), nn.ReLU(), nn.Linear(48 | 40), nn.ReLU(), nn.Linear(40
optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)

for epoch in range(10):
    for rows in torch.randperm(len(train_x)).split(50):
        optimizer.zero_grad()
        loss = criterion(network(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = network(test_x).argmax(1) == test_y
    recall = torch.stack([right[test_y == each].float().mean() for each in range(3)]).mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, balanced accuracy {recall:.4f}")
