"""Digits without an optimizer or a leaf that requires gradients: `torch.func`; sick: a learning rate far too large."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad_and_value

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
params = {name: p.detach() for name, p in net.named_parameters()}
lr = 0.3  # sick: lr = 0.3 | lr = 30.0


def loss_fn(params, x, y):
    return F.cross_entropy(functional_call(net, params, (x,)), y)


for step in range(150):
    rows = torch.randint(0, len(images), (64,))
    grads, loss = grad_and_value(loss_fn)(params, images[rows], labels[rows])
    params = {name: p - lr * grads[name] for name, p in params.items()}
    print(step, loss.item())
