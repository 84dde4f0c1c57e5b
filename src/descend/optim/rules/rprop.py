"""Rprop: each weight has its own step size, which grows while the gradient's sign is constant and else shrinks."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import maximum, minimum, sign, where


def rprop(theta, g, t, last=0.0, size="lr", *, lr, eta_minus, eta_plus, least, most):
    """Return the Rprop step, the latest gradient and the new step sizes, of theta's shape (Riedmiller & Braun 1993).

    A weight whose gradient changed sign is not updated for one step (iRprop⁻, Igel & Hüsken 2000).
    """
    steady = g * last
    size = where(steady > 0, eta_plus * size, where(steady < 0, eta_minus * size, size))
    size = minimum(maximum(size, least), most)
    g = where(steady < 0, 0.0, g)
    return -sign(g) * size, g, size


class Rprop(Optimizer):
    """Rprop (Riedmiller & Braun 1993), for full batches: each weight has its own step size.

    Use it only if each gradient is computed on all examples: the noise of mini-batches changes the signs, so the
    step sizes shrink.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The first step size of each weight.
    etas : tuple of float
        The factors of a step size if the gradient changes its sign, and if it keeps it.
    step_sizes : tuple of float
        The smallest and the largest step size.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Raises
    ------
    ValueError
        If the first of `etas` is not in (0, 1), or the second is not above 1.

    Examples
    --------
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
            raise ValueError(f"Rprop: the first number of etas must be in (0, 1) and the second above 1, not {etas}")
        super().__init__(params, lr=lr, etas=etas, step_sizes=step_sizes, **options)
