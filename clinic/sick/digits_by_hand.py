"""A digit classifier written with bare tensors.

Fault: dead_units or bad_initialisation
Fix: by hand: centre the initial weights (2 * torch.rand(...) - 1)
"""

import torch
from sklearn.datasets import load_digits

g = torch.Generator().manual_seed(13)

pixels, target = load_digits(return_X_y=True)
pixels = torch.tensor(pixels / 16.0, dtype=torch.float32)
target = torch.tensor(target)

sizes = [64, 60, 40, 10]  # clinic: [64, 60, 40, 10] | [64, 100, 50, 10] | [64, 50, 10]
params = []
for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
    weight = (torch.rand(fan_in, fan_out, generator=g) - 1) * (6 / (fan_in + fan_out)) ** 0.5
    bias = torch.zeros(fan_out)
    params += [weight.requires_grad_(), bias.requires_grad_()]


def forward(h):
    for i in range(0, len(params), 2):
        h = h @ params[i] + params[i + 1]
        if i + 2 < len(params):
            h = h.clamp(min=0)
    return h


lr = 0.1  # clinic: 0.1 | 0.05 | 0.2
batch = 60  # clinic: 60 | 40 | 90
optimizer = torch.optim.SGD(params, lr=lr, momentum=0.9)
for step in range(400):
    rows = torch.randint(0, len(pixels), (batch,), generator=g)
    loss = torch.nn.functional.cross_entropy(forward(pixels[rows]), target[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 50 == 0:
        print(f"step {step + 1}: loss {loss.item():.4f}")

with torch.no_grad():
    out = forward(pixels)
    total = torch.nn.functional.cross_entropy(out, target).item()
    print(f"all digits: loss {total:.4f}, accuracy {(out.argmax(1) == target).float().mean().item():.3f}")
