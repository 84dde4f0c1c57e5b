"""A linear unit with two weights that learns two classes (LeCun et al. 1998, §5.1): every step follows from theory."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

CENTRE, SPREAD = (0.4, 0.8), 0.19  # of the classes: the eigenvalues of the covariance are then about 0.84 and 0.036
EXAMPLES = 100
START = (1.4, -0.6)  # of the weights: far from the lowest cost along both directions


@dataclass(frozen=True)
class TwoClasses:
    """Inputs of shape ``(examples, 2)`` and the targets −1 and 1."""

    x: Tensor
    y: Tensor

    @property
    def hessian(self) -> Tensor:
        """The second derivatives of the cost, of shape ``(2, 2)``: the covariance of the inputs."""
        return self.x.T @ self.x / len(self.x)

    @property
    def solution(self) -> Tensor:
        """The weights with the lowest cost."""
        return torch.linalg.solve(self.hessian, self.x.T @ self.y / len(self.x))

    @property
    def curvatures(self) -> tuple[float, float]:
        """The eigenvalues of the Hessian, the smaller one first."""
        low, high = torch.linalg.eigvalsh(self.hessian).tolist()
        return low, high

    @property
    def best_lr(self) -> float:
        """The learning rate that is best for the steepest direction alone: 1/λmax."""
        return 1 / self.curvatures[1]

    def gradient(self, weights: Tensor, batch: slice = slice(None)) -> Tensor:
        """Return the gradient of half the mean squared error on some examples."""
        x = self.x[batch]
        return x.T @ (x @ weights - self.y[batch]) / len(x)

    def excess(self, weights: Tensor) -> float:
        """Return the cost less the lowest one."""
        offset = weights - self.solution
        return 0.5 * (offset @ self.hessian @ offset).item()


@dataclass(frozen=True)
class Path:
    """The weights and the excess cost after each pass over the examples, from the start on."""

    label: str
    weights: tuple[tuple[float, float], ...]
    costs: tuple[float, ...]

    @property
    def fate(self) -> str:
        """Whether the cost fell or grew."""
        last = self.costs[-1]
        return "diverges" if not last < self.costs[0] else "converges" if last < 1e-3 * self.costs[0] else "fluctuates"


def two_classes(seed: int = 0) -> TwoClasses:
    """Return random examples of two classes with opposite means."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.tensor([-1.0, 1.0]).double().repeat(EXAMPLES // 2)
    noise = torch.randn(EXAMPLES, 2, generator=generator, dtype=torch.float64)
    return TwoClasses(y[:, None] * torch.tensor(CENTRE).double() + SPREAD * noise, y)


def batch_descent(data: TwoClasses, lr: float, passes: int) -> Path:
    """Return the path of gradient descent on all examples, from the start on."""
    weights, path, costs = torch.tensor(START).double(), [], []
    for _ in range(passes + 1):
        path.append((weights[0].item(), weights[1].item()))
        costs.append(min(data.excess(weights), 1e12))
        weights = weights - lr * data.gradient(weights)
    return Path(f"all examples, lr {lr:g}", tuple(path), tuple(costs))


def stochastic_descent(data: TwoClasses, lr: float, passes: int, seed: int = 0) -> Path:
    """Return the path of gradient descent on one example after another, in a new order in each pass."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.tensor(START).double()
    path, costs = [START], [data.excess(weights)]
    for _ in range(passes):
        for index in torch.randperm(len(data.x), generator=generator).tolist():
            weights = weights - lr * data.gradient(weights, slice(index, index + 1))
        path.append((weights[0].item(), weights[1].item()))
        costs.append(min(data.excess(weights), 1e12) if weights.isfinite().all() else inf)
    return Path(f"one example, lr {lr:g}", tuple(path), tuple(costs))


def steps_along_top(data: TwoClasses, multiple: float, steps: int) -> tuple[list[float], list[float]]:
    """Return the distance from the solution along the steepest direction, and the cost there, before each step.

    multiple: the learning rate, as a multiple of the best one, 1/λmax. The distance begins at 1.
    """
    curvature = 1 / data.best_lr
    distances = [(1 - multiple) ** step for step in range(steps + 1)]
    return distances, [0.5 * curvature * distance**2 for distance in distances]
