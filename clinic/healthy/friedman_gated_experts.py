"""Three linear experts and a gate on Friedman's function; root mean squared error with a bonus for an undecided gate.

Fault: none
Looks like: infinite_gradient, since the loss takes a root and a logarithm; the error never falls below the noise and the bonus keeps the gate's probabilities away from 0.
"""

import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(19)


class Experts(nn.Module):
    def __init__(self, inputs, experts, hidden):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, experts))
        self.experts = nn.Linear(inputs, experts)

    def forward(self, x):
        p = torch.softmax(self.gate(x), dim=1)
        return (p * self.experts(x)).sum(dim=1), p


def entropy(p):
    return -(p * torch.log(p)).sum(dim=1).mean()


X, y = make_friedman1(n_samples=2000, n_features=6, noise=1.5, random_state=0)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor((y - y.mean()) / y.std()).float()

model = Experts(6, experts=6, hidden=32)  # clinic: experts=6, hidden=32 | experts=8, hidden=24
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
bonus = 0.02  # clinic: 0.02 | 0.04

for epoch in range(20):
    errors, entropies = [], []
    for rows in torch.randperm(len(X)).split(50):
        predicted, p = model(X[rows])
        rmse = torch.sqrt(((predicted - y[rows]) ** 2).mean())
        h = entropy(p)
        loss = rmse - bonus * h
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(rmse.item())
        entropies.append(h.item())
    if epoch % 3 == 1:
        n = len(errors)
        print(f"epoch {epoch + 1} rmse {sum(errors) / n:.4f} entropy of the gate {sum(entropies) / n:.3f}")
