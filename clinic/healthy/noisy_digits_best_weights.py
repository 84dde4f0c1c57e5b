"""Recognise noisy digits with a wide network, and keep the weights that do best on held-out digits.

Fault: none
Looks like: overfitting, since the held-out loss rises again; but the script restores the best weights at the end.
Metric: accuracy, higher is better; 0.098 without learning
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(5)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
x = x + 0.9 * torch.randn_like(x)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, held_out = order[:80], order[80:600]

WIDTH = 400  # clinic: 400 | 300 | 500
model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # clinic: lr=1e-3 | lr=8e-4
criterion = nn.CrossEntropyLoss()
best_loss, best_state = float("inf"), None

for epoch in range(50):  # clinic: 50 | 40
    for rows in train[torch.randperm(len(train))].split(16):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        held_out_loss = criterion(model(x[held_out]), y[held_out]).item()
    if held_out_loss < best_loss:
        best_loss, best_state = held_out_loss, copy.deepcopy(model.state_dict())

model.load_state_dict(best_state)
with torch.no_grad():
    scores = model(x[held_out])
print(f"best held-out loss {best_loss:.4f}, accuracy {(scores.argmax(1) == y[held_out]).float().mean().item():.3f}")
