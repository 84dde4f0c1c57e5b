"""A residual regression network that grows while it is trained.

Blocks are added and older blocks are frozen after the optimizer was made, on purpose; a new block joins as a group.

Field: progressive growing
Metric: test RMSE, lower is better; 0.980 without learning
Source: https://runebook.dev/en/docs/pytorch/generated/torch.optim.adafactor/torch.optim.Adafactor.add_param_group
"""

import torch
import torch.nn.functional as F
from torch import nn

STAGES, EPOCHS = 4, 30


def surface(n):
    """Points of a square and a standardised wavy function of them."""
    x = 2 * torch.rand(n, 2) - 1
    y = torch.sin(4 * x[:, 0]) * torch.cos(3 * x[:, 1]) + 0.5 * torch.sin(6 * x[:, 0] * x[:, 1])
    return x, (y / 0.63).unsqueeze(1)


class GrowingNet(nn.Module):
    """A stem, a growing list of residual blocks and an output."""

    def __init__(self, width=64):
        super().__init__()
        self.width = width
        self.stem = nn.Linear(2, width)
        self.blocks = nn.ModuleList()
        self.out = nn.Linear(width, 1)

    def grow(self):
        """Append a block that starts as the identity and return it."""
        block = nn.Sequential(nn.Linear(self.width, self.width), nn.SiLU(), nn.Linear(self.width, self.width))
        nn.init.zeros_(block[2].weight)
        nn.init.zeros_(block[2].bias)
        self.blocks.append(block)
        return block

    def forward(self, x):
        """Predict one value per point."""
        h = torch.sin(3 * self.stem(x))
        for block in self.blocks:
            h = h + block(h)
        return self.out(h)


def main():
    """Train stage by stage and report the test error."""
    torch.manual_seed(0)
    x, y = surface(2000)
    y = y + 0.05 * torch.randn_like(y)
    x_test, y_test = surface(1000)

    net = GrowingNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for stage in range(1, STAGES + 1):
        for _ in range(EPOCHS):
            for index in torch.randperm(len(x)).split(100):
                loss = F.mse_loss(net(x[index]), y[index])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
        print(f"stage {stage}  blocks {len(net.blocks)}  loss {loss.item():.4f}")
        if stage < STAGES:
            for block in net.blocks:
                block.requires_grad_(False)
            optimizer.add_param_group({"params": net.grow().parameters(), "lr": 2e-3})

    with torch.no_grad():
        error = F.mse_loss(net(x_test), y_test).sqrt().item()
    print(f"test RMSE {error:.4f}")


if __name__ == "__main__":
    main()
