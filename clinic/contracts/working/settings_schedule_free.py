"""Rates of bike rentals from weather, with an optimizer that needs no schedule.

On purpose: the rate stays constant and large to the end, and gradients are taken at a mixture of two sets of weights.
Field: count regression
Metric: explained deviance, higher is better; 0.0 without learning
Source: Defazio et al. 2024, The Road Less Scheduled; https://github.com/facebookresearch/schedule_free
"""

import torch
from torch import nn


class ScheduleFreeSGD(torch.optim.Optimizer):
    """Fast weights z, their running mean x, and gradients at y between both."""

    def __init__(self, params, lr, beta=0.9, warmup=0):
        super().__init__(params, {"lr": lr, "beta": beta, "warmup": warmup, "k": 0, "weight_sum": 0.0})

    @torch.no_grad()
    def step(self):
        """Update z, the mean and y."""
        for group in self.param_groups:
            group["k"] += 1
            lr = group["lr"] * min(1.0, group["k"] / max(1, group["warmup"]))
            group["weight_sum"] += lr**2
            share = lr**2 / group["weight_sum"]
            for y in group["params"]:
                state = self.state[y]
                if not state:
                    state["z"], state["x"] = y.clone(), y.clone()
                state["z"].sub_(y.grad, alpha=lr)
                state["x"].lerp_(state["z"], share)
                y.copy_(state["z"]).lerp_(state["x"], group["beta"])

    @torch.no_grad()
    def use_mean(self):
        """Write the running mean into the parameters."""
        for group in self.param_groups:
            for y in group["params"]:
                y.copy_(self.state[y]["x"])


def rentals(count):
    """Draw weather, hours and the number of rentals."""
    weather, hour = torch.randn(count, 4), 2 * torch.pi * torch.rand(count, 1)
    log_rate = 2 + torch.sin(hour[:, 0]) + 0.6 * torch.tanh(weather[:, 0] * weather[:, 1]) - 0.4 * weather[:, 2].abs()
    return torch.cat([weather, hour.sin(), hour.cos()], dim=1), torch.poisson(log_rate.exp())


def deviance(log_rate, count):
    """Return the mean Poisson deviance."""
    logs = torch.where(count > 0, count * (count.clamp(min=1e-9).log() - log_rate), 0.0)
    return 2 * (logs - count + log_rate.exp()).mean()


torch.manual_seed(0)
x, y = rentals(5000)
x_test, y_test = rentals(2000)
model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = ScheduleFreeSGD(model.parameters(), lr=0.15, warmup=400)
base = y.mean().log()
for step in range(1, 1801):
    rows = torch.randint(len(x), (128,))
    log_rate = base + model(x[rows]).squeeze(1)
    loss = (log_rate.exp() - y[rows] * log_rate).mean() / y.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 300 == 0:
        print(f"step {step}: loss {loss.item():.4f}")
optimizer.use_mean()
model.eval()
with torch.no_grad():
    explained = 1 - deviance(base + model(x_test).squeeze(1), y_test) / deviance(base.expand(len(y_test)), y_test)
print(f"explained deviance {explained.item():.4f}")
