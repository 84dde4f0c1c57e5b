"""A two-layer network written with plain tensors; the update is done by hand.

Fault: none
Looks like: no_step, since there is no optimizer; the parameters are changed directly and their gradients cleared.
"""

import torch

torch.manual_seed(0)  # clinic: seed(0) | seed(3)

X = 2 * torch.rand(2400, 2) - 1
y = torch.sin(2 * X[:, :1]) + X[:, :1] * X[:, 1:] + 0.3 * torch.randn(2400, 1)

H = 40  # clinic: 40 | 30
W1 = (torch.randn(2, H)).requires_grad_()
b1 = torch.zeros(H, requires_grad=True)
W2 = (torch.randn(H, 1) / H**0.5).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [W1, b1, W2, b2]

lr = 0.08  # clinic: 0.08 | 0.06
for epoch in range(15):
    total = 0.0
    for rows in torch.randperm(len(X)).split(60):
        hidden = (X[rows] @ W1 + b1).tanh()
        prediction = hidden @ W2 + b2
        loss = ((prediction - y[rows]) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad
                p.grad.zero_()
        total += loss.item() * len(rows)
    if epoch % 3 == 2:
        lr *= 0.7
        print(f"epoch {epoch + 1}: mse {total / len(X):.4f}")
