"""Wines on a plane: a classifier whose last hidden layer has two units, so that its output can be drawn.

Fault: none
Looks like: narrow_layer, since two numbers have to tell three cultivars apart, and do
Metric: accuracy, higher is better; 0.3989 without learning
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(6)
data = load_wine()
x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor(data.target)

hidden = 24  # clinic: 24 | 40
body = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 2))
head = nn.Linear(2, 3)
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.01)  # clinic: lr=0.01 | lr=0.005
for epoch in range(40):
    for batch in torch.randperm(len(x)).split(16):  # clinic: 16 | 24
        plane = torch.tanh(body(x[batch]))
        loss = nn.functional.cross_entropy(head(plane), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    plane = torch.tanh(body(x))
    print("accuracy", (head(plane).argmax(1) == y).float().mean().item())
    print(plane[:5])
