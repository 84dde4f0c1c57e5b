"""A deep network whose activations are computed again in the backward pass; sick: weights of N(0, 0.01)."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 48)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(48, 48), nn.ReLU()) for _ in range(6))
        self.last = nn.Linear(48, 10)

    def forward(self, x):
        x = torch.relu(self.first(x))
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return self.last(x)


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight)  # sick: kaiming_normal_(module.weight) | normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


digits = torch.load("digits.pt")
x, y = digits["images"] / 16 - 0.3, digits["labels"]
model = Deep()
model.apply(initialise)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for step in range(150):
    rows = torch.randint(0, len(x), (64,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
    print(step, loss.item())
