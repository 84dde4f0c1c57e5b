"""A network in training, for tests of scripts that do other things around the loss."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from taping import Taped, tape_step
from torch import Tensor, nn


class Step:
    """A network in training; `forward` returns the loss of a batch."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
        self.x, self.y = torch.randn(10, 4), torch.randint(3, (10,))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.previous = self.forward()
        self.previous.backward()

    def forward(self) -> Tensor:
        return F.cross_entropy(self.net(self.x), self.y)

    def taped(self, step: Callable[[], Tensor]) -> Taped:
        return tape_step(step, tuple(self.net.parameters()))
