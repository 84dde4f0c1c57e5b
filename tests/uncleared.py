"""A training whose gradients are never cleared, which several tests consult on."""


def uncleared(steps: int, lr: float = 0.5, body: str = "") -> str:
    """Return the program; body: a statement of each step, before the backward pass."""
    statement = f"    {body}\n" if body else ""
    return f"""\
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr={lr})
for step in range({steps}):
    loss = nn.functional.cross_entropy(model(x[step % 4 :: 4]), y[step % 4 :: 4])
{statement}    loss.backward()
    optimizer.step()
"""
