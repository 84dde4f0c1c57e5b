"""Batch gradient descent ends lower than stochastic gradient descent with a constant learning rate."""

from collections.abc import Iterator

import torch
from torch import Tensor

from descend.claims.claim import Claim, Measured, Scale, Settings, above
from descend.claims.experiments.least_squares import PROBLEMS, LeastSquares, least_squares
from descend.claims.experiments.untuned import Untuned

PASSES, SIZE = 200, 8


class Excess(Untuned):
    """The excess loss of both after many passes over the data of a least squares problem."""

    scale = Scale.RATIO

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the excess loss of stochastic and of batch gradient descent."""
        problem = least_squares(condition, seed)
        curvatures = torch.linalg.eigvalsh(problem.hessian)
        best = 2 / (curvatures[0] + curvatures[-1]).item()
        largest = 1 / problem.inputs.square().sum(1).max().item()
        batch = _descend(problem, best, (slice(None) for _ in range(PASSES)))
        return _descend(problem, largest, _batches(len(problem.inputs), seed)), batch


def _descend(problem: LeastSquares, lr: float, batches: Iterator[Tensor | slice]) -> float:
    """Return the excess loss after a step for each batch, from zero weights."""
    weights = torch.zeros_like(problem.solution)
    for batch in batches:
        weights = weights - lr * problem.gradient(weights, batch)
    return problem.excess(weights)


def _batches(count: int, seed: int) -> Iterator[Tensor | slice]:
    """Yield the small batches of all passes, reshuffled for each."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(PASSES):
        yield from torch.randperm(count, generator=generator).split(SIZE)


CLAIM = Claim(
    sentence="Stochastic gradient descent with a constant learning rate converges more slowly in the end: after 200 "
    "passes over the data its excess loss is higher than that of batch gradient descent.",
    source="Cheng, COMP5211 lecture 4, Stochastic gradient descent vs Gradient descent",
    refuted_by="an excess loss of stochastic gradient descent that is not at least 5 % higher",
    figure="excess loss of least squares with batches of 8 / with all examples, after 200 passes",
    expected=above(1.0),
    experiment=Excess(),
    conditions=PROBLEMS,
    caution="Batch descent has its best learning rate, 2/(λmin + λmax); the other one the largest stable one.",
)
