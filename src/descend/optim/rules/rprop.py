"""Rprop: each weight has a step of its own, which grows while the sign holds and shrinks when it flips."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import maximum, minimum, sign, where


def rprop(theta, g, t, last=0.0, size="lr", *, lr, eta_minus, eta_plus, least, most):
    """Riedmiller & Braun 1993; after a flip the weight rests for one step (iRprop⁻, Igel & Hüsken 2000)."""
    steady = g * last
    size = where(steady > 0, eta_plus * size, where(steady < 0, eta_minus * size, size))
    size = minimum(maximum(size, least), most)
    g = where(steady < 0, 0.0, g)
    return -sign(g) * size, g, size


class Rprop(Optimizer):
    """Rprop (Riedmiller & Braun 1993), for full batches.

    >>> optimizer = Rprop(model.parameters(), lr=0.01)
    """

    rule = staticmethod(rprop)
    names = {"last": "prev", "size": "step_size"}
    pairs = {"etas": ("eta_minus", "eta_plus"), "step_sizes": ("least", "most")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        **options: Unpack[Options],
    ) -> None:
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Rprop: etas must lie in (0, 1) and above 1, not {etas}")
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, **options)
