"""An ensemble of regression networks that is trained as one batch of stacked weights.

The module that runs has no weights, on purpose: it is on the meta device and is called with stacked parameters.

Field: deep ensembles
Metric: test negative log likelihood, lower is better; 1.231 without learning
Source: https://docs.pytorch.org/docs/stable/generated/torch.func.stack_module_state.html
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, stack_module_state

MEMBERS = 5


class MeanAndSpread(nn.Module):
    """Predict a mean and a logarithmic standard deviation."""

    def __init__(self, width=48):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2)
        )

    def forward(self, x):
        """Return both for (batch, 3) inputs."""
        mean, log_std = self.net(x).unbind(dim=-1)
        return mean, log_std.clamp(-4.0, 2.0)


def measurements(n):
    """Draw a smooth function whose noise depends on the third input."""
    x = 2 * torch.rand(n, 3) - 1
    spread = 0.1 + 0.25 * (x[:, 2] + 1) / 2
    return x, torch.sin(3 * x[:, 0]) + x[:, 1] ** 2 - 0.33 + spread * torch.randn(n)


def log_density(mean, log_std, y):
    """Return the Gaussian log density."""
    return -0.5 * ((y - mean) / log_std.exp()) ** 2 - log_std - 0.919


def main():
    """Train all members together and score the mixture."""
    torch.manual_seed(0)
    x, y = measurements(1500)
    x_test, y_test = measurements(1000)

    members = [MeanAndSpread() for _ in range(MEMBERS)]
    params, buffers = stack_module_state(members)
    skeleton = copy.deepcopy(members[0]).to("meta")
    optimizer = torch.optim.Adam(params.values(), lr=4e-3)

    def predict(member_params, member_buffers, inputs):
        return functional_call(skeleton, (member_params, member_buffers), (inputs,))

    together = torch.vmap(predict)
    for step in range(1, 1201):
        index = torch.randint(len(x), (MEMBERS, 100))
        mean, log_std = together(params, buffers, x[index])
        loss = -log_density(mean, log_std, y[index]).mean(dim=1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"step {step}  loss {loss.item() / MEMBERS:.4f}")

    with torch.no_grad():
        mean, log_std = together(params, buffers, x_test.expand(MEMBERS, -1, -1))
        mixture = torch.logsumexp(log_density(mean, log_std, y_test), dim=0) - torch.tensor(float(MEMBERS)).log()
    print(f"test root mean squared error {F.mse_loss(mean.mean(dim=0), y_test).sqrt().item():.4f}")
    print(f"test negative log likelihood {-mixture.mean().item():.4f}")


if __name__ == "__main__":
    main()
