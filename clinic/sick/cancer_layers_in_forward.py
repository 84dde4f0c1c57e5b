"""Benign or malignant, with a network that builds itself as it goes.

Fault: parameters_not_in_optimizer
Fix: make the layers once, in __init__
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn
from torch.nn import functional as F


class TumourNet(nn.Module):
    def __init__(self, features, hidden):
        super(TumourNet, self).__init__()
        self.hidden = hidden
        self.embed = nn.Linear(features, hidden)

    def forward(self, x):
        h = F.relu(self.embed(x))
        h = F.relu(nn.Linear(self.hidden, self.hidden)(h))
        last = nn.Linear(self.hidden, 1)
        return last(h).squeeze(1)


torch.manual_seed(12)
data = load_breast_cancer()
x = torch.tensor(scale(data.data)).float()
y = torch.tensor(data.target).float()

net = TumourNet(30, 24)  # clinic: 24 | 16 | 40
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: Adam(net.parameters(), lr=3e-3) | SGD(net.parameters(), lr=0.1) | RMSprop(net.parameters(), lr=1e-3)
for epoch in range(30):
    running = 0.0
    for rows in torch.randperm(len(x)).split(40):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(rows)
    if epoch % 5 == 0:
        print(f"epoch {epoch}: {running / len(x):.4f}")
