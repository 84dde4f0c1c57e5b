import numpy as np
import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
np.random.seed(0)

digits = load_digits()
xs = torch.tensor(digits.data / 16.0, dtype=torch.float32)
ys = torch.eye(10)[torch.tensor(digits.target)]
perm = torch.randperm(len(xs))
train, test = perm[:1400], perm[1400:]

# first layer
W1 = torch.zeros(64, 10, requires_grad=True)
b1 = torch.zeros(10, requires_grad=True)
# second layer
W2 = torch.zeros(10, 10, requires_grad=True)
b2 = torch.zeros(10, requires_grad=True)


def forward(x):
    out1 = torch.softmax(x @ W1 + b1, dim=1)
    return torch.softmax(out1 @ W2 + b2, dim=1)


params = [W1, b1, W2, b2]
for i in range(1000):
    batch = train[np.random.choice(len(train), 100)]
    y = forward(xs[batch])
    cross_entropy = -(ys[batch] * torch.log(y)).sum(1).mean()
    cross_entropy.backward()
    with torch.no_grad():
        for p in params:
            p -= 0.5 * p.grad
            p.grad = None
    if i % 100 == 0:
        print(i, "cross entropy", cross_entropy.item())

with torch.no_grad():
    print("test accuracy", (forward(xs[test]).argmax(1) == ys[test].argmax(1)).float().mean().item())
