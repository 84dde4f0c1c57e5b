"""Calibrate a sensor array: a linear readout fitted by gradient descent on the whole data set.

Fault: oscillation
Fix: halve the learning rate
"""

import torch

torch.manual_seed(11)
n, d = 600, 5  # clinic: 600, 5 | 1500, 12 | 400, 6
x = torch.randn(n, d)
x = (x - x.mean(0)) / x.std(0)
true_w = torch.rand(d, 1) + 0.5
y = x @ true_w + 0.8 + 0.05 * torch.randn(n, 1)

design = torch.cat([x, torch.ones(n, 1)], dim=1)
hessian = 2 * design.T @ design / n
L = torch.linalg.eigvalsh(hessian)[-1].item()

readout = torch.nn.Linear(d, 1)
opt = torch.optim.SGD(readout.parameters(), lr=1.996 / L)  # clinic: 1.996 | 1.994 | 1.998
history = []
for it in range(150):  # clinic: 150 | 100 | 250
    opt.zero_grad()
    loss = torch.nn.functional.mse_loss(readout(x), y)
    loss.backward()
    opt.step()
    history.append(loss.item())
    if it % 20 == 0:
        print(f"iteration {it:3d}: loss {history[-1]:.5f}")
print(f"largest curvature {L:.3f}, final loss {history[-1]:.5f}")
