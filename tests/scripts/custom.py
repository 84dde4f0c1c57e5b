"""Two hand-written Functions: the first one's gradient is right, the second one's lacks a factor.

With the argument `stateful` there is a third one, which keeps a running mean of what passes through it.
"""

import sys

import torch
import torch.nn.functional as F
from torch import nn
from own_log import OwnLog


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        return 3 * ctx.saved_tensors[0] ** 2 * grad


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, offset):
        ctx.save_for_backward(x)
        return x**2 + offset

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[0] * grad, None


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, net):
        net.size.lerp_(x.abs().mean(), 0.1)
        ctx.size = net.size.item()
        return x / ctx.size

    @staticmethod
    def backward(ctx, grad):
        return grad / ctx.size, None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("size", torch.ones(()))
        self.first, self.second, self.last = nn.Linear(6, 16), nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x):
        h = Cube.apply(self.first(x).tanh())  # Cube
        if sys.argv[2:] == ["stateful"]:
            h = Scaled.apply(h, self)
        return self.last(Square.apply(self.second(h), 0.5))  # Square


torch.manual_seed(0)
x, y = torch.randn(640, 6), torch.randint(0, 3, (640,))
batches = list(torch.arange(640).split(32))
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
seen = OwnLog()
for i in batches:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x[i]), y[i])
    loss.backward()
    optimizer.step()
    seen.loss(loss)
with torch.no_grad():
    first = [F.cross_entropy(model(x[i]), y[i]).item() for i in batches[:8]]
seen.others["first batches"] = sum(first) / 8
seen.end(*model.parameters(), *model.buffers())
