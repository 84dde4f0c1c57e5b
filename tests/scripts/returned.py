import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 6), torch.randn(64, 1)
model = nn.Linear(6, 1)
# a rehearsal: the importance of each weight, before there is an optimizer
for i in range(3):
    (model(x[i : i + 8]) - y[i : i + 8]).square().mean().backward()
importance = [p.grad.square() for p in model.parameters()]
model.zero_grad()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
parameters = list(model.parameters())
seen = OwnLog()
for step in range(20):
    loss = (model(x) - y).square().mean()
    for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
        p.grad = g
    optimizer.step()
    seen.loss(loss)
seen.end(*parameters)
