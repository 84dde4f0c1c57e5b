"""The four parametrisations of momentum that the literature writes, which differ in what they call the rate."""

from collections.abc import Callable
from typing import Any, Literal

from descend.dynamics import MEANS

Form = Literal["velocity", "sum", "average", "blend"]
# what multiplies the gradient within the memory, and the memory in the step
WEIGHTS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "velocity": lambda lr, momentum: (lr, 1.0),  # p ← μp − αg, θ ← θ + p (Polyak 1964)
    "sum": lambda lr, momentum: (1.0, lr),  # v ← μv + g, θ ← θ − αv (torch)
    "average": lambda lr, momentum: (1 - momentum, lr),  # v ← βv + (1−β)g, θ ← θ − αv
    "blend": lambda lr, momentum: (lr * (1 - momentum), 1.0),  # Δw ← −(1−α)ηg + αΔw
}


def weights(form: str, lr: Any, momentum: Any) -> tuple[Any, Any]:
    """Return the weights of the gradient in the memory and of the memory in the step. Raises `ValueError`."""
    if form not in WEIGHTS:
        raise ValueError(f"form must be one of {', '.join(WEIGHTS)}, not {form!r}")
    if form in MEANS and momentum >= 1:  # it keeps a mean from taking in any gradient
        raise ValueError(f"form {form} is a mean of the gradients: its momentum must lie below 1, not {momentum}")
    return WEIGHTS[form](lr, momentum)


def convert_lr(lr: float, momentum: float, old: Form, new: Form) -> float:
    """Return the rate that gives in form `new` the steps that `lr` gives in form `old`, while it stays constant.

    From `velocity` to `average` it is lr/(1 − momentum). Raises `ValueError` for an unknown form.
    """
    (a, b), (c, d) = weights(old, 1.0, momentum), weights(new, 1.0, momentum)
    return float(lr * (a * b) / (c * d))
