"""Costs that small steps do not move: the 0–1 loss, and hidden units with a hard threshold.

(Ba, CSC413 lecture 4, Plateaux.) Where a cost is constant between its jumps its gradient is zero, and tells nothing.
"""

from collections.abc import Callable

from descend.landscape.loss import Theta
from descend.landscape.vectors import flat, normal_like, shaped

RADIUS, TRIED = 1e-5, 50  # of the steps, beside the length of the parameters, and how many


def unmoved(value: Callable[[Theta], float], theta: Theta, radius: float = RADIUS, tried: int = TRIED) -> float:
    """Return the share of random steps, of length `radius` times that of θ, after which the value is exactly the same.

    Raises `ValueError` where there is no step.
    """
    if tried < 1:
        raise ValueError(f"a share is of at least 1 step, not {tried}")
    row, start = flat(theta), value(theta)
    length = radius * float(row.norm())
    steps = (normal_like(row, seed) for seed in range(tried))
    return sum(value(shaped(row + length / float(s.norm()) * s, theta)) == start for s in steps) / tried
