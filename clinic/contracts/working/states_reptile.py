"""Reptile: an initialisation from which a few steps fit any sine.

After each task the weights go back towards the snapshot from before it, on purpose.

Field: meta-learning
Metric: adapted RMSE, lower is better; 2.205 without learning
Source: https://github.com/TMats/survey/issues/180, which names openai/supervised-reptile
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

INNER_LR, INNER_STEPS, META_STEPS = 0.02, 8, 2200


def sine_task():
    """Return a function that draws points of one random sine."""
    amplitude, phase = 1.0 + 4.0 * torch.rand(()), math.pi * torch.rand(())

    def draw(n):
        x = 10.0 * torch.rand(n, 1) - 5.0
        return x, amplitude * torch.sin(x + phase)

    return draw


def adapt(net, x, y, steps):
    """Fit one task by plain gradient descent."""
    optimizer = torch.optim.SGD(net.parameters(), lr=INNER_LR)
    for _ in range(steps):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def main():
    """Meta-train, then measure the error after adaptation to new sines."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    running = 0.0
    for step in range(1, META_STEPS + 1):
        before = {k: v.clone() for k, v in net.state_dict().items()}
        running += adapt(net, *sine_task()(20), INNER_STEPS)
        after = net.state_dict()
        meta_lr = 1.0 - step / (META_STEPS + 1)
        net.load_state_dict({k: torch.lerp(before[k], after[k], meta_lr) for k in before})
        if step % 440 == 0:
            print(f"step {step}  inner loss {running / 440:.4f}")
            running = 0.0

    start = {k: v.clone() for k, v in net.state_dict().items()}
    errors = []
    for _ in range(100):
        net.load_state_dict(start)
        draw = sine_task()
        adapt(net, *draw(10), 32)
        x, y = draw(100)
        with torch.no_grad():
            errors.append(F.mse_loss(net(x), y).item())
    print(f"adapted RMSE {math.sqrt(sum(errors) / len(errors)):.4f}")


if __name__ == "__main__":
    main()
