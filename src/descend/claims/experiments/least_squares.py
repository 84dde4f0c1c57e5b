"""Least squares on real data: a loss that is exactly quadratic, so theory predicts every step."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from descend.claims.tasks import TASKS

PROBLEMS = ("digits", "table")
DAMPING = 0.01  # added to each curvature, so that the problem has one solution


@dataclass(frozen=True)
class LeastSquares:
    """Half the mean squared error of a linear model, with a small penalty on the weights.

    inputs: of shape ``(examples, features)``. targets: of shape ``(examples, outputs)``.
    """

    inputs: Tensor
    targets: Tensor

    @property
    def hessian(self) -> Tensor:
        """The second derivatives for one output, of shape ``(features, features)``."""
        return self.inputs.T @ self.inputs / len(self.inputs) + DAMPING * torch.eye(self.inputs.shape[1]).double()

    @property
    def solution(self) -> Tensor:
        """The weights with the lowest loss, of shape ``(features, outputs)``."""
        return torch.linalg.solve(self.hessian, self.inputs.T @ self.targets / len(self.inputs))

    def gradient(self, weights: Tensor, batch: Tensor | slice = slice(None)) -> Tensor:
        """Return the gradient of the loss on some examples, of the weights' shape."""
        inputs = self.inputs[batch]
        return inputs.T @ (inputs @ weights - self.targets[batch]) / len(inputs) + DAMPING * weights

    def excess(self, weights: Tensor) -> float:
        """Return the loss less the lowest one."""
        offset = weights - self.solution
        return 0.5 * (offset * (self.hessian @ offset)).sum().item()


@cache
def least_squares(name: str, seed: int) -> LeastSquares:
    """Return the least squares problem of a task: its inputs and a constant against its targets."""
    task = TASKS[name]
    data = task.examples(seed)
    targets = torch.eye(task.classes, dtype=torch.float64)[data.y] if task.classes else data.y.double()
    inputs = torch.cat([data.x.double(), torch.ones(len(data.x), 1, dtype=torch.float64)], dim=1)
    return LeastSquares(inputs, targets - targets.mean(0))
