import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, grad_and_value, stack_module_state, vmap
from torch.utils.data import DataLoader, TensorDataset
from own_log import OwnLog

torch.manual_seed(0)
x = torch.randn(64, 5)
y = x[:, :1].sin()
net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
held = {name: p.detach().clone() for name, p in net.named_parameters()}
way, seen = sys.argv[2], OwnLog()


def fit(p, x, y):
    return F.mse_loss(functional_call(net, p, (x,)), y)


def fit_aux(p, x, y):
    loss = fit(p, x, y)
    return loss, loss.detach()


def taken(p, loss, lr=0.1):
    found = torch.autograd.grad(loss, list(p))
    return [(w - lr * g).detach().requires_grad_() for w, g in zip(p, found)]


loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
if way == "lists":
    p = [w.clone().requires_grad_() for w in held.values()]
    for step in range(30):
        loss = F.mse_loss(functional_call(net, dict(zip(held, p)), (x,)), y)
        p = taken(p, loss)
        seen.loss(loss)
    held = dict(zip(held, p))
elif way == "function":
    for _ in range(8):
        for a, b in loader:
            g, loss = grad_and_value(fit)(held, a, b)
            held = {k: w - 0.1 * g[k] for k, w in held.items()}
            seen.loss(loss)
elif way == "momentum in place":
    speed = {k: torch.zeros_like(w) for k, w in held.items()}
    for _ in range(8):
        for a, b in loader:
            g, loss = grad(fit_aux, has_aux=True)(held, a, b)
            for k in held:
                speed[k].mul_(0.9).add_(g[k])
                held[k].sub_(0.05 * speed[k])
            seen.loss(loss)
elif way == "ensemble":
    held, buffers = stack_module_state([nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)) for _ in range(3)])
    held = {k: w.detach() for k, w in held.items()}
    base = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))

    def member(p, x, y):
        return F.mse_loss(functional_call(base, p, (x,)), y)

    for step in range(30):
        g, losses = vmap(grad_and_value(member), in_dims=(0, None, None))(held, x, y)
        held = {k: w - 0.1 * g[k] for k, w in held.items()}
        seen.loss(losses.mean())
elif way == "nested":

    def adapted(p, x, y):
        g = grad(fit)(p, x, y)
        return fit({k: w - 0.1 * g[k] for k, w in p.items()}, y.expand(-1, 5), x[:, :1])

    for step in range(20):
        g, loss = grad_and_value(adapted)(held, x, y)
        held = {k: w - 0.1 * g[k] for k, w in held.items()}
        seen.loss(loss)
elif way == "looked at":  # the forces on fresh positions: nothing is trained
    for step in range(30):
        a = torch.randn(16, 5)
        g, energy = grad_and_value(lambda a: functional_call(net, held, (a,)).square().sum())(a)
        seen.loss(energy)
        held = dict(held, last=g) if step < 0 else held
elif way == "given to an optimizer":
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(8):
        for a, b in loader:
            own = dict(net.named_parameters())
            g, loss = grad_and_value(fit)(own, a, b)
            for k, w in own.items():
                w.grad = g[k].detach()
            optimizer.step()
            seen.loss(loss.detach())
    held = dict(net.named_parameters())
seen.end(*held.values())
