"""The four parametrisations of momentum in the literature: they define the learning rate differently."""

from collections.abc import Callable
from typing import Any, Literal

from descend.dynamics import MEANS

Form = Literal["velocity", "sum", "average", "blend"]
# Each function takes lr and momentum, and returns the gradient's factor in the velocity and the velocity's in the step.
WEIGHTS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "velocity": lambda lr, momentum: (lr, 1.0),  # p ← μp − αg, θ ← θ + p (Polyak 1964)
    "sum": lambda lr, momentum: (1.0, lr),  # v ← μv + g, θ ← θ − αv (torch.optim.SGD)
    "average": lambda lr, momentum: (1 - momentum, lr),  # v ← βv + (1−β)g, θ ← θ − αv (a running mean)
    "blend": lambda lr, momentum: (lr * (1 - momentum), 1.0),  # Δw ← −(1−α)ηg + αΔw (η the learning rate)
}


def momentum_factors(form: str, lr: Any, momentum: Any) -> tuple[Any, Any]:
    """Return the two factors of momentum: that of the gradient in the velocity, and that of the velocity in the step.

    Raises `ValueError` for an unknown form, or for a momentum of 1 or more in a form that averages the gradients.
    """
    if form not in WEIGHTS:
        raise ValueError(f"form must be one of {', '.join(WEIGHTS)}, not {form!r}")
    if form in MEANS and momentum >= 1:  # with momentum 1, the mean would give no weight to any gradient
        raise ValueError(f"form {form} is a mean of the gradients, so momentum must be below 1, not {momentum}")
    return WEIGHTS[form](lr, momentum)


def convert_lr(lr: float, momentum: float, old: Form, new: Form) -> float:
    """Return the learning rate at which momentum in form `new` takes the same steps as in form `old` with `lr`.

    The learning rate must be constant. From `velocity` to `average` the result is lr/(1 − momentum).

    Parameters
    ----------
    lr : float
        The learning rate in the form `old`.
    momentum : float
        The momentum factor, in [0, 1).
    old : {"velocity", "sum", "average", "blend"}
        The form in which `lr` is given.
    new : {"velocity", "sum", "average", "blend"}
        The form of the result.

    Returns
    -------
    float
        The learning rate in the form `new`.

    Raises
    ------
    ValueError
        For an unknown form.
    """
    (a, b), (c, d) = momentum_factors(old, 1.0, momentum), momentum_factors(new, 1.0, momentum)
    return float(lr * (a * b) / (c * d))
