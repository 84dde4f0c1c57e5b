"""Linear regression by plain gradient descent on all the data, compared with the closed form.

Fault: none
Looks like: oscillation or instability, since the rate is near the stability bound; it stays below it and the weights reach the least-squares solution.
Metric: largest difference of a weight, lower is better; 0.6886 without learning
"""

import numpy as np
import torch

rng = np.random.default_rng(0)  # clinic: default_rng(0) | default_rng(3)
n, d = 600, 15  # clinic: 600, 15 | 900, 20
A = rng.normal(size=(n, d))
w_true = rng.normal(size=d)
b = A @ w_true + 0.7 + rng.normal(scale=0.8, size=n)

A_t = torch.tensor(A, dtype=torch.float32)
b_t = torch.tensor((b - b.mean()) / b.std(), dtype=torch.float32)

torch.manual_seed(0)
linear = torch.nn.Linear(d, 1)
sgd = torch.optim.SGD(linear.parameters(), lr=0.65)  # clinic: lr=0.65 | lr=0.55
loss_fn = torch.nn.MSELoss()

for it in range(120):
    prediction = linear(A_t).squeeze(1)
    loss = loss_fn(prediction, b_t)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    if it % 20 == 0 or it == 119:
        print(f"iteration {it:3d}   mse {loss.item():.6f}")

design = np.hstack([A, np.ones((n, 1))])
exact, *_ = np.linalg.lstsq(design, b_t.numpy(), rcond=None)
print("mse of the exact solution %.6f" % np.mean((design @ exact - b_t.numpy()) ** 2))
print("largest difference of a weight %.2e" % np.abs(exact[:-1] - linear.weight.detach().numpy()[0]).max())
