"""The surfaces of lectures and textbooks, with formula, source, usual start and known minima."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descend.core.errors import UsageError
from descend.trajectories.surface import Surface

CONDITION_NUMBER = 50.0


def ravine(condition_number: float = CONDITION_NUMBER) -> Surface:
    """Return an ill-conditioned quadratic (Ba, CSC413 lecture 4, Ill-conditioned curvature).

    Its largest curvature λ is 1, so a learning rate α equals α·λ. Raises `UsageError` for a condition number below 1.
    """
    if not 1 <= condition_number < float("inf"):
        raise UsageError(f"a condition number must be at least 1, not {condition_number:g}")
    return Surface(
        "ravine",
        f"J = ½(x²/{condition_number:g} + y²)",
        "Ba, CSC413 lecture 4, Ill-conditioned curvature",
        lambda x, y: (x**2 / condition_number + y**2) / 2,
        ((-11.0, 11.0), (-5.5, 5.5)),
        (-10.0, 4.0),
        ((0.0, 0.0),),
        0.0,
    )


def saddle() -> Surface:
    """Return the surface x² − y² + ½y⁴. Its default start is near the line that leads into the saddle point."""
    return Surface(
        "saddle",
        "J = x² − y² + ½y⁴",
        "Ruder 2017, Visualization of algorithms, gives no formula; here ½y⁴ bounds x² − y² from below",
        lambda x, y: x**2 - y**2 + y**4 / 2,
        ((-3.2, 3.2), (-1.6, 1.6)),
        (-2.0, 0.001),
        ((0.0, 1.0), (0.0, -1.0)),
        -0.5,
    )


def beale() -> Surface:
    """Return Beale's function (Moré, Garbow & Hillstrom 1981, problem 5): a flat valley between steep walls.

    Figure 4 of Ruder 2016 shows optimizers on the contours of this function.
    """
    return Surface(
        "beale",
        "J = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
        "Moré, Garbow & Hillstrom 1981, problem 5",
        lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
        ((-0.6, 4.4), (-1.2, 1.4)),
        (1.0, 1.0),
        ((3.0, 0.5),),
        0.0,
    )


def rosenbrock() -> Surface:
    """Return Rosenbrock's curved valley (Moré, Garbow & Hillstrom 1981, problem 1)."""
    return Surface(
        "rosenbrock",
        "J = (1 − x)² + 100(y − x²)²",
        "Moré, Garbow & Hillstrom 1981, problem 1",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        ((-2.0, 2.4), (-0.6, 1.8)),
        (-1.2, 1.0),
        ((1.0, 1.0),),
        0.0,
    )


def cliff() -> Surface:
    """Return the error of a recurrent unit xₜ = w·σ(xₜ₋₁) + b after 50 steps (Pascanu et al. 2013, fig. 6).

    Its minima form a curve. At the wall, the unit switches from one of its two stable values to the other.
    """
    return Surface(
        "cliff",
        "J = (σ(x₅₀) − 0.7)² with xₜ = w·σ(xₜ₋₁) + b and x₀ = 0.5",
        "Pascanu et al. 2013, fig. 6",
        _recurrent_unit_error,
        ((3.0, 7.0), (-3.6, -1.6)),
        (6.4, -2.4),
        (),
        0.0,
        ("w", "b"),
    )


def two_minima() -> Surface:
    """Return a function with a sharp and a wide minimum (Cheng, COMP5211 lecture 4, Sharp vs wide local minimum).

    Their curvatures are 25 and 1, so gradient descent with a learning rate above 2/25 leaves the sharp minimum.
    """
    return Surface(
        "two-minima",
        "J = −log(exp(−25/2·((x + 1.5)² + y²)) + exp(−½((x − 1.5)² + y²)))",
        "Cheng, COMP5211 lecture 4, Sharp vs wide local minimum",
        lambda x, y: (
            -torch.logaddexp(
                -12.5 * ((x + 1.5) ** 2 + y**2),
                -0.5 * ((x - 1.5) ** 2 + y**2),
            )
        ),
        ((-3.2, 4.0), (-1.8, 1.8)),
        (-2.2, 0.5),
        ((-1.4986621273, 0.0), (1.5, 0.0)),
        -0.011069793,
    )


def plateau() -> Surface:
    """Return the squared error of one sigmoid unit on two examples (Ba, CSC413 lecture 4, Plateaux).

    If the unit is saturated at the wrong value, its gradient is nearly zero.
    """
    return Surface(
        "plateau",
        "J = ½Σ(σ(w·u + b) − t)² over u = ±1, t = σ(±2)",
        "Ba, CSC413 lecture 4, Plateaux",
        _sigmoid_unit_error,
        ((-9.0, 9.0), (-4.8, 4.8)),
        (-6.0, 0.5),
        ((2.0, 0.0),),
        0.0,
        ("w", "b"),
    )


TEXTBOOK: dict[str, Callable[..., Surface]] = {
    "ravine": ravine,
    "saddle": saddle,
    "beale": beale,
    "rosenbrock": rosenbrock,
    "cliff": cliff,
    "two-minima": two_minima,
    "plateau": plateau,
}


def textbook_surface(name: str, **options: Any) -> Surface:
    """Return the textbook surface called `name`. Raises `UsageError` for an option that this surface does not have."""
    if options and name != "ravine":
        raise UsageError(f"a condition number can be chosen for the ravine, not for {name}")
    return TEXTBOOK[name](**options)


def _recurrent_unit_error(w: Tensor, b: Tensor) -> Tensor:
    """Return the squared error of a recurrent unit's output after 50 steps, for weight w and bias b."""
    x = torch.full_like(w, 0.5)
    for _ in range(50):
        x = w * torch.sigmoid(x) + b
    return (torch.sigmoid(x) - 0.7) ** 2


def _sigmoid_unit_error(w: Tensor, b: Tensor) -> Tensor:
    """Return half the sum of a sigmoid unit's squared errors on two examples, for weight w and bias b."""
    right = torch.sigmoid(torch.tensor(2.0, dtype=w.dtype))
    return ((torch.sigmoid(w + b) - right) ** 2 + (torch.sigmoid(b - w) - (1 - right)) ** 2) / 2
