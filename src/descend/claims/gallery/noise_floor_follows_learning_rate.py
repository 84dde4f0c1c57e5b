"""A constant learning rate leaves a noise floor that is proportional to it."""

from math import log2

import torch

from descend.claims.claim import Claim, Expected, Measured, Scale, Settings
from descend.claims.experiments.least_squares import PROBLEMS, LeastSquares, least_squares
from descend.claims.experiments.untuned import Untuned

SIZE, SETTLING, AVERAGED = 8, 5.0, 4000  # examples; multiples of the slowest time constant; steps
SHARE = 0.05  # of the largest stable learning rate


class Floor(Untuned):
    """The exponent of the noise floor: the binary logarithm of its ratio at two learning rates, one twice the other."""

    scale = Scale.VALUE

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the exponent of one seed."""
        problem = least_squares(condition, seed)
        lr = SHARE * 2 / problem.inputs.square().sum(1).mean().item()
        low, high = (_mean_excess(problem, rate, seed) for rate in (lr, 2 * lr))
        return (log2(high / low),)


def _mean_excess(problem: LeastSquares, lr: float, seed: int) -> float:
    """Return the mean excess loss of SGD that starts at the solution, after it has settled."""
    generator = torch.Generator().manual_seed(seed)
    weights, hessian = problem.solution.clone(), problem.hessian
    solution, slowest = problem.solution, torch.linalg.eigvalsh(problem.hessian)[0].item()
    settling, total = min(round(SETTLING / (lr * slowest)), 4 * AVERAGED), 0.0
    draws = torch.randint(len(problem.inputs), (settling + AVERAGED, SIZE), generator=generator)
    for step, batch in enumerate(draws):
        weights -= lr * problem.gradient(weights, batch)
        if step >= settling:
            offset = weights - solution
            total += 0.5 * (offset * (hessian @ offset)).sum().item()
    return total / AVERAGED


CLAIM = Claim(
    sentence="With a constant learning rate SGD does not converge: it keeps a noise floor that is proportional to the "
    "learning rate.",
    source="Cheng, COMP5211 lecture 4, Stochastic gradient descent; Aitchison, EMAT31530 part 6, Minibatching",
    refuted_by="an exponent of the floor that is not between 0.8 and 1.2",
    figure="exponent of the excess loss as a power of the learning rate (proportional: 1)",
    expected=Expected(0.8, 1.2, relevant=0.0),
    experiment=Floor(),
    conditions=PROBLEMS,
    caution="Least squares, where the solution is known; the learning rates are 5 and 10 % of the largest stable one.",
)
