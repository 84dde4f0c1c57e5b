"""Gradient clipping between `backward` and `step` that torch does not have: per unit, and at a quantile."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from descend.core.quantile import quantile


@torch.no_grad()
def clip_unit_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> float:
    """Clip the gradient norm of each unit's incoming weights to `max_norm`; return the largest norm before clipping.

    A unit is a row of a weight matrix ``(units, inputs)``, a filter of a convolution, or one element of a bias. A unit
    with an exploding gradient takes a shorter step, and the other units are not affected (Pascanu et al. 2013, §3.2,
    applied per unit).

    Parameters
    ----------
    parameters : torch.Tensor or iterable of them
        The parameters whose gradients are clipped in place.
    max_norm : float
        The largest gradient norm of a unit.

    Returns
    -------
    float
        The largest norm of a unit before clipping; 0 without gradients.

    Raises
    ------
    ValueError
        If `max_norm` is not above 0.
    """
    if not max_norm > 0:
        raise ValueError(f"clip_unit_norm_: max_norm must be above 0, not {max_norm}")
    largest_norms = []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is not None and parameter.grad.numel():
            gradient = parameter.grad
            axes = list(range(1, gradient.dim()))
            norms = torch.linalg.vector_norm(gradient, dim=axes, keepdim=True) if axes else gradient.abs()
            gradient.mul_((max_norm / norms).clamp_(max=1.0).nan_to_num_(nan=1.0))
            largest_norms.append(norms.max())
    return float(torch.stack([norm.cpu() for norm in largest_norms]).max()) if largest_norms else 0.0


class QuantileClip:
    """Clips the global gradient norm at a quantile of earlier norms (Seetharaman et al. 2020 use 0.1).

    Call it between `backward` and `step`; it returns the norm before clipping. A norm that is 0, infinite or NaN is not
    recorded and its gradients are not clipped.

    Parameters
    ----------
    parameters : torch.Tensor or iterable of them
        The parameters whose gradients are clipped.
    quantile : float
        The quantile of earlier norms, in (0, 1].
    window : int
        The number of last norms that are kept.
    least : int
        Clipping starts once this many norms are recorded.

    Raises
    ------
    ValueError
        If `quantile` is outside (0, 1], or `least` is not between 1 and `window`.

    Examples
    --------
    >>> clip = QuantileClip(model.parameters(), quantile=0.1)
    >>> norm = clip()
    """

    def __init__(
        self, parameters: Tensor | Iterable[Tensor], quantile: float = 0.1, window: int = 10_000, least: int = 10
    ) -> None:
        if not 0 < quantile <= 1:
            raise ValueError(f"QuantileClip: quantile must be in (0, 1], not {quantile}")
        if not 1 <= least <= window:
            raise ValueError(f"QuantileClip: arguments must satisfy 1 <= least <= window, not {least} and {window}")
        self.parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        self.quantile, self.least = quantile, least
        self._norms: deque[float] = deque(maxlen=window)
        self._sorted_norms: list[float] = []

    @property
    def threshold(self) -> float:
        """Return the norm at which gradients are clipped; infinity until `least` norms are recorded."""
        if len(self._norms) < self.least:
            return math.inf
        return quantile(self._sorted_norms, self.quantile)

    @torch.no_grad()
    def __call__(self) -> float:
        """Record the global gradient norm and clip the gradients; return the norm before clipping."""
        norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        value = float(norm)
        if 0 < value < math.inf:
            self._record_norm(value)
            if value > self.threshold:
                clip_grads_with_norm_(self.parameters, self.threshold, norm)
        return value

    def state_dict(self) -> dict[str, Any]:
        """Return the recorded gradient norms."""
        return {"seen": list(self._norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the gradient norms that `state_dict` returned."""
        self._norms.clear()
        self._norms.extend(state["seen"])
        self._sorted_norms = sorted(self._norms)

    def _record_norm(self, value: float) -> None:
        """Record a gradient norm, and drop the oldest one if `window` norms are already recorded."""
        if len(self._norms) == self._norms.maxlen:
            del self._sorted_norms[bisect_left(self._sorted_norms, self._norms[0])]
        self._norms.append(value)
        insort(self._sorted_norms, value)
