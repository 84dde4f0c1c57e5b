import sys

import torch
from torch.func import grad_and_value
from own_log import OwnLog

torch.manual_seed(0)
x = torch.randn(16, 3)
y = x.sum(1, keepdim=True).sin()
w = [torch.randn(3, 4), torch.randn(4, 1)]
way, steps, seen = sys.argv[2], int(sys.argv[3]), OwnLog()


def fit(w, x, y):
    return ((torch.tanh(x @ w[0]) @ w[1] - y) ** 2).mean()


def step(g):
    with torch.no_grad():
        for p, d in zip(w, g):
            p -= 0.01 * d


if way != "function":
    for p in w:
        p.requires_grad_()
for i in range(steps):
    rows = torch.randint(0, 16, (8,))
    if way == "function":
        g, loss = grad_and_value(fit)(w, x[rows], y[rows])
        w = [p - 0.01 * d for p, d in zip(w, g)]
    if way in ("returned", "both"):
        loss = fit(w, x[rows], y[rows])
        step(torch.autograd.grad(loss, w))
    if way == "both":
        seen.loss(loss)
    if way in ("backward", "both"):
        loss = fit(w, x[rows], y[rows])
        loss.backward()
        step([p.grad for p in w])
        for p in w:
            p.grad = None
    seen.loss(loss)
seen.end(*w)
