"""Recognise noisy digits with a wide network.

Fault: overfitting
Fix: stop early (after about four epochs), or use more examples
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(3)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
x = x + 1.0 * torch.randn_like(x)
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
train, val = perm[:60], perm[60:560]

width = 512  # clinic: 512 | 384 | 448
net = nn.Sequential(
    nn.Linear(64, width),
    nn.ReLU(),
    nn.Linear(width, width),
    nn.ReLU(),
    nn.Linear(width, width),
    nn.ReLU(),
    nn.Linear(width, 10),
)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)  # clinic: lr=1e-3 | lr=8e-4 | lr=1.5e-3
loss_fn = nn.CrossEntropyLoss()

for epoch in range(60):
    net.train()
    for idx in train[torch.randperm(60)].split(12):
        opt.zero_grad()
        loss = loss_fn(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
    net.eval()
    if epoch % 4 == 3:
        with torch.no_grad():
            train_loss = loss_fn(net(x[train]), y[train]).item()
            out = net(x[val])
            val_loss = loss_fn(out, y[val]).item()
            val_acc = (out.argmax(1) == y[val]).float().mean().item()
        print(f"epoch {epoch + 1:3d}: train {train_loss:.4f}  val {val_loss:.4f}  val acc {val_acc:.3f}")
