"""Logistic regression on eight noisy features, fitted by full-batch gradient descent.

Fault: oscillation or instability
Fix: halve the learning rate
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

torch.manual_seed(0)


def sample(n_rows, n_features):
    x = torch.randn(n_rows, n_features)
    x = (x - x.mean(0)) / x.std(0)
    coefficients = torch.randn(n_features)
    p = torch.sigmoid(x @ coefficients)
    return x, torch.bernoulli(p)


x, y = sample(600, 8)  # clinic: sample(600, 8) | sample(900, 10) | sample(600, 6)
w = torch.zeros(x.shape[1], requires_grad=True)
b = torch.zeros((), requires_grad=True)
gd = torch.optim.SGD([w, b], lr=20.0)  # clinic: lr=20.0 | lr=18.0 | lr=23.0

for t in range(1, 161):  # clinic: 161 | 201 | 301
    loss = binary_cross_entropy_with_logits(x @ w + b, y)
    gd.zero_grad()
    loss.backward()
    gd.step()
    if t % 20 == 0 or t < 4:
        print(f"{t:4d} {loss.item():.4f}")

with torch.no_grad():
    z = x @ w + b
    print(f"loss {binary_cross_entropy_with_logits(z, y):.4f} accuracy {((z > 0) == (y == 1)).float().mean():.3f}")
