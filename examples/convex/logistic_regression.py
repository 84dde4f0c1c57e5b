"""Logistic regression by stochastic gradient descent: a convex cost, so there is one answer to compare with.

Single examples, a rate that falls as C/(C + t); the last iterate, and the mean of those of the second half.
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel

from descend.data import Reshuffled
from descend.schedules import InverseTime, Scheduler

PENALTY = 0.01  # of ½|w|²
PASSES = 40

torch.manual_seed(0)
data = load_breast_cancer()
x = torch.tensor(scale(data.data))
y = torch.tensor(data.target, dtype=torch.float64)

model = torch.nn.Linear(30, 1).double()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scheduler = Scheduler(optimizer, lr=InverseTime(2000))
averaged = AveragedModel(model)
order = Reshuffled(len(x))


def cost(model, x, y):
    """The mean negative log likelihood, and the penalty."""
    linear = getattr(model, "module", model)
    loss = binary_cross_entropy_with_logits(model(x).squeeze(1), y)
    return loss + PENALTY / 2 * (linear.weight.square().sum() + linear.bias.square().sum())


for epoch in range(PASSES):
    for i in order:
        optimizer.zero_grad()
        cost(model, x[i : i + 1], y[i : i + 1]).backward()
        optimizer.step()
        scheduler.step()
        if epoch >= PASSES // 2:
            averaged.update_parameters(model)
with torch.no_grad():
    print(f"cost of the last iterate: {cost(model, x, y):.6f}")
    print(f"cost of their mean: {cost(averaged, x, y):.6f}")
