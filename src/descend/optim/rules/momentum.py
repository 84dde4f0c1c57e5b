"""Momentum in the four parametrisations that the literature writes, which differ in what they call the rate."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Unpack

from descend.optim.optimizer import Optimizer, Options

Form = Literal["velocity", "sum", "average", "blend"]
# what multiplies the gradient within the memory, and the memory in the step
WEIGHTS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "velocity": lambda lr, momentum: (lr, 1.0),  # p ← μp − αg, θ ← θ + p (Polyak 1964)
    "sum": lambda lr, momentum: (1.0, lr),  # v ← μv + g, θ ← θ − αv (torch)
    "average": lambda lr, momentum: (1 - momentum, lr),  # v ← βv + (1−β)g, θ ← θ − αv
    "blend": lambda lr, momentum: (lr * (1 - momentum), 1.0),  # Δw ← −(1−α)ηg + αΔw
}


def momentum(theta, g, t, v=0.0, *, momentum, inside, outside):
    """Polyak 1964, §2: the step is a decaying sum of the gradients."""
    v = momentum * v + inside * g
    return -outside * v, v


class Momentum(Optimizer):
    """Gradient descent with momentum (Polyak 1964), its rate read as one of four `form`s says.

    >>> optimizer = Momentum(model.parameters(), lr=0.1, form="average")
    """

    rule = staticmethod(momentum)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        form: Form = "velocity",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, form=form, **options)

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the two weights that the form gives to the rate."""
        inside, outside = WEIGHTS[_known(group["form"])](group["lr"], group["momentum"])
        return {**super().hyper_of(group), "inside": inside, "outside": outside}


def convert_lr(lr: float, momentum: float, old: Form, new: Form) -> float:
    """Return the rate that gives in form `new` the steps that `lr` gives in form `old`, while it stays constant."""
    before, after = (WEIGHTS[_known(form)](1.0, momentum) for form in (old, new))
    return lr * (before[0] * before[1]) / (after[0] * after[1])


def _known(form: str) -> str:
    if form not in WEIGHTS:
        raise ValueError(f"form must be one of {', '.join(WEIGHTS)}, not {form!r}")
    return form
