"""Detect a piecewise constant loss, such as the 0–1 loss, or a network with hard-threshold units.

Between its jumps the loss is constant, so its gradient is zero and gives no direction (Ba, CSC413 lecture 4, Plateaux).
"""

from collections.abc import Callable

from descend.landscape.loss import Theta
from descend.landscape.vectors import flat, normal_like, shaped

RADIUS = 1e-5  # norm of a random step, as a fraction of the norm of the parameters
TRIED = 50  # number of random steps


def unmoved(value: Callable[[Theta], float], theta: Theta, radius: float = RADIUS, tried: int = TRIED) -> float:
    """Return the fraction of random steps of length `radius` · ‖θ‖ that do not change the function `value` at all.

    Parameters
    ----------
    value : callable
        A function of a list of tensors with the parameters' shapes.
    theta : sequence of torch.Tensor
        The parameters.
    radius : float
        The length of a step, relative to ‖θ‖.
    tried : int
        The number of steps.

    Returns
    -------
    float
        The fraction of the steps.

    Raises
    ------
    ValueError
        If `tried`, the number of steps, is less than 1.
    """
    if tried < 1:
        raise ValueError(f"at least 1 random step is needed, not {tried}")
    row, start = flat(theta), value(theta)
    length = radius * float(row.norm())
    steps = (normal_like(row, seed) for seed in range(tried))
    return sum(value(shaped(row + length / float(s.norm()) * s, theta)) == start for s in steps) / tried
