"""First-order MAML on sinusoids: an initialisation from which five gradient steps fit a new sine wave.

Field: meta-learning
Metric: adapted error, lower is better; 2.1 without learning
"""

import math

import torch

HIDDEN = 40
SHOTS = 10
INNER_LR = 0.02
INNER_STEPS = 5


def sample_tasks(count):
    """Amplitudes in [1, 5] and phases in [0, pi], one sine for each task."""
    amplitude = 1.0 + 4.0 * torch.rand(count, 1, 1)
    phase = math.pi * torch.rand(count, 1, 1)
    return amplitude, phase


def sample_points(tasks, shots):
    """Inputs in [-5, 5] and the values of each task's sine there."""
    amplitude, phase = tasks
    x = 10.0 * torch.rand(len(amplitude), shots, 1) - 5.0
    return x, amplitude * torch.sin(x - phase)


def init_params():
    """Weights and biases of a network with two hidden layers."""
    sizes = [1, HIDDEN, HIDDEN, 1]
    params = []
    for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
        params.append((torch.randn(fan_in, fan_out) * math.sqrt(1.0 / fan_in)).requires_grad_())
        params.append(torch.zeros(1, fan_out).requires_grad_())
    return params


def forward(params, x):
    """The network, where each parameter has a leading axis of tasks."""
    w1, b1, w2, b2, w3, b3 = params
    h = torch.tanh(torch.baddbmm(b1, x / 2.5, w1))
    h = torch.tanh(torch.baddbmm(b2, h, w2))
    return torch.baddbmm(b3, h, w3)


def task_losses(params, x, y):
    """Mean squared error of each task."""
    return ((forward(params, x) - y) ** 2).mean(dim=(1, 2))


def adapt(params, x, y, steps):
    """Plain gradient descent on the support set, every task with a copy of its own."""
    fast = [p.detach().expand(len(x), *p.shape).clone().requires_grad_() for p in params]
    for _ in range(steps):
        grads = torch.autograd.grad(task_losses(fast, x, y).sum(), fast)
        fast = [(p - INNER_LR * g).detach().requires_grad_() for p, g in zip(fast, grads)]
    return fast


def main():
    """Meta-train, then adapt to unseen tasks."""
    torch.manual_seed(0)
    params = init_params()
    meta_opt = torch.optim.Adam(params, lr=1e-2)
    tasks_per_step, meta_steps = 20, 560
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(meta_opt, T_max=meta_steps, eta_min=5e-4)
    for step in range(1, meta_steps + 1):
        tasks = sample_tasks(tasks_per_step)
        fast = adapt(params, *sample_points(tasks, SHOTS), INNER_STEPS)
        query = task_losses(fast, *sample_points(tasks, SHOTS))
        grads = torch.autograd.grad(query.sum(), fast)
        for p, g in zip(params, grads):
            p.grad = g.mean(dim=0)
        torch.nn.utils.clip_grad_norm_(params, 10.0)
        meta_opt.step()
        schedule.step()
        if step % 140 == 0:
            print(f"meta step {step}: query loss after adaptation {query.mean().item():.3f}")

    tasks = sample_tasks(500)
    fast = adapt(params, *sample_points(tasks, SHOTS), INNER_STEPS)
    grid = torch.linspace(-5, 5, 101).reshape(1, -1, 1).expand(500, -1, 1)
    with torch.no_grad():
        predicted = forward(fast, grid)
    true = tasks[0] * torch.sin(grid - tasks[1])
    rmse = torch.sqrt((predicted - true).square().mean(dim=(1, 2)))
    print(f"adapted error {rmse.mean().item():.4f}")


if __name__ == "__main__":
    main()
