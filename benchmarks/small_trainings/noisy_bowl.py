"""Gradient descent on half the squared distance from 0, with noisy gradients.

In the long run, the mean of the cost is proportional to LR / (2 - LR).
"""

import torch

SEED = 0
LR = 0.1
SKIPPED = 0  # draws of noise that are not used, so that runs with the same seed are independent

torch.manual_seed(SEED)
model = torch.nn.Embedding(1, 200)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for step in range(1, 101):
    for _ in range(SKIPPED):
        torch.randn(200)
    noise = torch.randn(200)
    loss = (model.weight**2).sum() / 2 + (model.weight * noise).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step} validation loss {(model.weight.detach() ** 2).mean().item() / 2:.6f}")
