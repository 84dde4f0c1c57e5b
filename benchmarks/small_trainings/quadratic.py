"""Gradient descent, with or without momentum, on a quadratic function with known curvatures."""

import torch

LOWEST = 0.02
HIGHEST = 1.0
STEPS = 100
LR = 0.3
MOMENTUM = 0.0

torch.manual_seed(0)
curvatures = torch.logspace(torch.log10(torch.tensor(LOWEST)), torch.log10(torch.tensor(HIGHEST)), 20)
place = torch.nn.Parameter(torch.ones(20))
optimizer = torch.optim.SGD([place], lr=LR, momentum=MOMENTUM)
for step in range(1, STEPS + 1):
    loss = (curvatures * place**2).sum() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step} validation loss {(curvatures * place.detach() ** 2).sum().item() / 2:.6g}")
