"""Friedman's noisy regression problem; linear warm-up and a cosine, both counted in batches.

Fault: none
Looks like: slow_progress at the start (the first rates are tiny) and a scheduler stepped per batch; the schedule is defined in batches and its length is that of the run.
Metric: val, lower is better; 0.9429 without learning
"""

import math

import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(10)

X, y = make_friedman1(n_samples=4000, n_features=10, noise=1.5, random_state=0)
X = (torch.tensor(X, dtype=torch.float32) - 0.5) * math.sqrt(12)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(X[:3200], y[:3200]), batch_size=64, shuffle=True)
X_val, y_val = X[3200:], y[3200:]

reg = nn.Sequential(
    nn.Linear(10, 48),
    nn.SiLU(),  # clinic: nn.SiLU() | nn.Tanh()
    nn.Linear(48, 48),
    nn.SiLU(),
    nn.Linear(48, 1),
)
opt = torch.optim.SGD(reg.parameters(), lr=0.1, momentum=0.9)  # clinic: lr=0.1 | lr=0.07
epochs = 8  # clinic: 8 | 10
total_steps = epochs * len(loader)
warmup = total_steps // 10


def factor(step):
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total_steps - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


sched = torch.optim.lr_scheduler.LambdaLR(opt, factor)
mse = nn.MSELoss()

step = 0
for epoch in range(epochs):
    for xb, yb in loader:
        loss = mse(reg(xb), yb)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        step += 1
        if step % 50 == 0:
            with torch.no_grad():
                val = mse(reg(X_val), y_val).item()
            print(
                f"step {step:4d}/{total_steps} lr {opt.param_groups[0]['lr']:.4f} loss {loss.item():.4f} val {val:.4f}"
            )
