"""The values of an expression on tensors, and the fingerprint by which equivalent expressions are recognised.

The learning rate of each rule is tuned, so two rules are equivalent if their steps are proportional.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import e

import torch
from torch import Tensor

from descend.discover.expression import Expression
from descend.optim.vocabulary import sign

EPS, BETA1, BETA2 = 1e-8, 0.9, 0.99
STEPS, WIDTH = 8, 48  # of the fingerprint's gradients
DIGITS = 3  # significant digits of the fingerprint
SHOWN_STEPS = [2, 4, 7]  # the steps whose values are part of the fingerprint
LARGEST = 1e6  # of the steps' elements, in root mean squares


@lru_cache(maxsize=4096)
def compiled(formula: str) -> Callable[..., Tensor]:
    """Return the function of `g`, `m`, `v` and `t` that computes a formula."""
    known = {"e": e, "eps": EPS, "sign": sign}
    return eval(f"lambda g, m, v, t: {formula}", known)


def gradients(scale: float, seed: int) -> Tensor:
    """Return a series of gradients with a mean, noise and different scales of the elements: ``(STEPS, WIDTH)``."""
    generator = torch.Generator().manual_seed(seed)
    spread = 10 ** torch.linspace(-1, 1, WIDTH).double()
    drift = torch.randn(WIDTH, generator=generator).double()
    return scale * spread * (0.7 * drift + torch.randn(STEPS, WIDTH, generator=generator).double())


class RunningMeans:
    """The running means of one gradient, which begin at 0."""

    def __init__(self) -> None:
        self._m: Tensor | float = 0.0
        self._v: Tensor | float = 0.0
        self._t = 0

    def step(self, rule: Callable[..., Tensor], g: Tensor) -> Tensor:
        """Return what a rule subtracts for the next gradient, which becomes part of the means."""
        self._t += 1
        self._m = BETA1 * self._m + (1 - BETA1) * g
        self._v = BETA2 * self._v + (1 - BETA2) * g**2
        return rule(g, self._m, self._v / (1 - BETA2**self._t), self._t)


def steps_on(expression: Expression, series: Tensor) -> Tensor:
    """Return what the rule subtracts in each step on a series of gradients, of the series's shape."""
    rule, means = compiled(expression.formula), RunningMeans()
    steps = [torch.as_tensor(means.step(rule, g), dtype=torch.float64) for g in series]
    return torch.stack([step.expand(WIDTH) for step in steps])


def fingerprint(expression: Expression) -> str | None:
    """Return a string that is equal for rules with proportional steps; None if the rule cannot train anything.

    A rule cannot train if a step is no number or too large for floats, if it does not depend on the gradient, or if it
    goes uphill on average: for gradients that vary around a constant, the mean step must have a positive product with
    the mean gradient.
    """
    parts = []
    for scale, seed in ((1.0, 0), (0.1, 1)):
        series = gradients(scale, seed)
        try:
            steps = steps_on(expression, series)
        except OverflowError:  # of constants, such as e^(e^(e²))
            return None
        size = steps.square().mean().sqrt()
        if not steps.isfinite().all() or not 0 < size < float("inf") or steps.abs().max() > LARGEST * size:
            return None
        if (steps.mean(0) * series.mean(0)).sum() <= 0 or _is_constant(steps):
            return None
        parts.append(steps / size)
    return _digest(parts)


def _is_constant(steps: Tensor) -> bool:
    """Return whether all elements have the same steps, so that the gradient has no influence."""
    return bool((steps.std(1) <= 1e-9 * steps.abs().mean(1)).all())


def _digest(parts: Sequence[Tensor]) -> str:
    """Return some of the values, rounded, as a short string.

    With more values, some of them would be so close to the middle between two rounded numbers that a difference in the
    seventh digit, such as that of a division, makes another string.
    """
    rounded = "".join(
        f"{value:.{DIGITS - 1}e}" for part in parts for value in part[SHOWN_STEPS, ::6].flatten().tolist()
    )
    return hashlib.sha256(rounded.replace("-0.00e+00", "0.00e+00").encode()).hexdigest()[:16]
