# Reptile on sinusoid regression
import copy
import math
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
rng = np.random.RandomState(0)

META_ITERS = 420
META_BATCH = 4
INNER_STEPS = 5
INNER_LR = 0.02
K_SHOT = 10


class SineTask:
    def __init__(self, rng):
        self.amp = rng.uniform(0.5, 4.0)
        self.phase = rng.uniform(0, math.pi)
        self.rng = rng

    def sample(self, n):
        x = self.rng.uniform(-5, 5, size=(n, 1))
        y = self.amp * np.sin(x + self.phase)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def build_net():
    return nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))


def adapt(net, x, y, steps, lr):
    fast = copy.deepcopy(net)
    last = None
    for _ in range(steps):
        loss = ((fast(x) - y) ** 2).mean()
        grads = torch.autograd.grad(loss, list(fast.parameters()))
        with torch.no_grad():
            for p, g in zip(fast.parameters(), grads):
                p -= lr * g
        last = loss.item()
    return fast, last


def evaluate(net, n_tasks=50, steps=15):
    task_rng = np.random.RandomState(123)
    errs = []
    for _ in range(n_tasks):
        task = SineTask(task_rng)
        fast, _ = adapt(net, *task.sample(K_SHOT), steps=steps, lr=INNER_LR)
        xq, yq = task.sample(100)
        with torch.no_grad():
            errs.append(((fast(xq) - yq) ** 2).mean().item())
    return float(np.mean(errs))


meta = build_net()
meta_opt = torch.optim.Adam(meta.parameters(), lr=3e-3)
print(f"before: few-shot mse {evaluate(meta):.3f}")
for it in range(META_ITERS):
    for g in meta_opt.param_groups:
        g["lr"] = 3e-3 * (1 - it / META_ITERS)
    deltas = [torch.zeros_like(p) for p in meta.parameters()]
    inner = 0.0
    for _ in range(META_BATCH):
        task = SineTask(rng)
        x, y = task.sample(4 * K_SHOT)
        fast, last = adapt(meta, x, y, INNER_STEPS, INNER_LR)
        inner += last / META_BATCH
        for d, p, q in zip(deltas, meta.parameters(), fast.parameters()):
            d += (p.detach() - q.detach()) / META_BATCH
    for p, d in zip(meta.parameters(), deltas):
        p.grad = d
    meta_opt.step()
    if it % 60 == 0:
        print(f"iter {it:4d} inner loss {inner:.3f}")

print(f"few-shot mse on unseen tasks: {evaluate(meta):.4f}")
