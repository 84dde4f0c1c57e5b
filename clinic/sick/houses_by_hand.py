"""Linear regression of house prices with the update written out.

Fault: inputs_not_normalised or targets_not_scaled or instability
Fix: standardise the two columns, and the price
"""

import numpy as np
import torch

rng = np.random.default_rng(6)
n = 300  # clinic: 300 | 400 | 250
area = rng.uniform(40, 220, n)
rooms = np.round(area / 28 + rng.normal(0, 0.7, n)).clip(1)
price = 2.1 * area + 9.0 * rooms + 30 + rng.normal(0, 12, n)

features = torch.tensor(np.column_stack([area, rooms]), dtype=torch.float32)
target = torch.tensor(price, dtype=torch.float32)

weights = torch.zeros(2, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
step_size = 1e-3  # clinic: 1e-3 | 5e-4 | 2e-3

for i in range(400):
    predicted = features @ weights + bias
    loss = ((predicted - target) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        weights -= step_size * weights.grad
        bias -= step_size * bias.grad
        weights.grad.zero_()
        bias.grad.zero_()
    if i % 80 == 0:
        print(i, loss.item())
print(weights.tolist(), bias.item())
