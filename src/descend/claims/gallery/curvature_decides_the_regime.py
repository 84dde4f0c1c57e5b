"""The learning rate times the curvature decides whether a direction decays, oscillates or diverges."""

import torch

from descend.claims.claim import Claim, Expected, Measured, Scale, Settings
from descend.claims.experiments.least_squares import PROBLEMS, least_squares
from descend.claims.experiments.untuned import Untuned

PRODUCTS, STEPS = ("0.9", "1.5", "2.5"), 10


class Multiplication(Untuned):
    """The factor of the distance from the solution along the top eigenvector, over its prediction 1 − αλ."""

    scale = Scale.VALUE

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the mean factor of ten steps from random weights, over the prediction."""
        name, product = condition.split(", αλ = ")
        problem = least_squares(name, seed)
        curvatures, directions = torch.linalg.eigh(problem.hessian)
        lr = float(product) / curvatures[-1].item()
        weights = torch.randn(problem.solution.shape, generator=torch.Generator().manual_seed(seed)).double()
        factors = []
        for _ in range(STEPS):
            before = directions[:, -1] @ (weights - problem.solution)
            weights = weights - lr * problem.gradient(weights)
            factors.append((directions[:, -1] @ (weights - problem.solution) / before).mean().item())
        return (sum(factors) / STEPS / (1 - float(product)),)


CLAIM = Claim(
    sentence="With the learning rate α, the distance along an eigenvector of curvature λ is multiplied by 1 − αλ in "
    "each step: it decays (αλ = 0.9), oscillates (1.5) or diverges (2.5).",
    source="Ba, CSC413 lecture 4, Ill-conditioned curvature; Optimization for Training Deep Models 2018, Learning rate",
    refuted_by="a measured factor that differs from 1 − αλ by more than a tenth",
    figure="measured factor of the distance in each step / predicted factor 1 − αλ",
    expected=Expected(0.9, 1.1, relevant=0.0),
    experiment=Multiplication(),
    conditions=tuple(f"{name}, αλ = {product}" for name in PROBLEMS for product in PRODUCTS),
    caution="Least squares is exactly quadratic. Networks are so only near a minimum: `descend lab curvature` shows "
    "yours.",
)
