"""With momentum 1, gradient descent never settles."""

from dataclasses import dataclass

import torch

from descend.claims.claim import Claim, Measured, Scale, Settings, above
from descend.claims.experiments.least_squares import PROBLEMS, least_squares
from descend.claims.experiments.untuned import Untuned

STEPS, LAST = 4000, 1000


@dataclass(frozen=True)
class Settling(Untuned):
    """The mean excess loss of the last steps, as a share of the first one."""

    momentum: float = 1.0
    scale: Scale = Scale.VALUE

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the share of one start."""
        problem = least_squares(condition, seed)
        lr = 1 / torch.linalg.eigvalsh(problem.hessian)[-1].item()
        weights = torch.randn(problem.solution.shape, generator=torch.Generator().manual_seed(seed)).double()
        first, velocity, last = problem.excess(weights), torch.zeros_like(weights), []
        for step in range(STEPS):
            velocity = self.momentum * velocity - lr * problem.gradient(weights)
            weights = weights + velocity
            if step >= STEPS - LAST:
                last.append(problem.excess(weights))
        return (sum(last) / LAST / first,)


CLAIM = Claim(
    sentence="With momentum 1, energy is conserved and gradient descent never settles.",
    source="Ba, CSC413 lecture 4, Momentum",
    refuted_by="a mean excess loss below a tenth of the first one after thousands of steps",
    figure="mean excess loss of steps 3,001 to 4,000 / at the start",
    expected=above(0.1),
    experiment=Settling(),
    conditions=PROBLEMS,
    caution="With momentum 0.9 and the same learning rate the share is below 10⁻⁹.",
)
