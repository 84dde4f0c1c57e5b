"""Gradients cut down between `backward` and `step`, beyond torch's `clip_grad_norm_` and `clip_grad_value_`."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from descend.ground.quantile import quantile


@torch.no_grad()
def clip_unit_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> float:
    """Cut the gradient of each unit's incoming weights to a norm of at most `max_norm`; return the largest norm.

    A unit is a row of a weight matrix, a filter of a convolution, one number of a bias. The unit that meets a cliff
    takes a short step, and the others their own (Pascanu et al. 2013, §3.2, unit by unit). Raises `ValueError` for a
    norm that is not above 0.
    """
    if not max_norm > 0:
        raise ValueError(f"clip_unit_norm_: max_norm must be above 0, not {max_norm}")
    largest = []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is not None and parameter.grad.numel():
            gradient = parameter.grad
            across = list(range(1, gradient.dim()))
            norms = torch.linalg.vector_norm(gradient, dim=across, keepdim=True) if across else gradient.abs()
            gradient.mul_((max_norm / norms).clamp_(max=1.0).nan_to_num_(nan=1.0))
            largest.append(norms.max())
    return float(torch.stack([norm.cpu() for norm in largest]).max()) if largest else 0.0


class QuantileClip:
    """Clips the global gradient norm at a quantile of the norms seen so far (Seetharaman et al. 2020: the tenth).

    Call it between `backward` and `step`; it returns the norm before clipping. Until `least` norms are seen nothing
    is clipped. A norm that is 0, infinite or NaN is not taken in, and its gradient is left as it is. At most `window`
    norms are held. Raises `ValueError` for a quantile outside (0, 1].

    >>> clip = QuantileClip(model.parameters(), quantile=0.1)
    >>> norm = clip()
    """

    def __init__(
        self, parameters: Tensor | Iterable[Tensor], quantile: float = 0.1, window: int = 10_000, least: int = 10
    ) -> None:
        if not 0 < quantile <= 1:
            raise ValueError(f"QuantileClip: quantile must lie in (0, 1], not {quantile}")
        if not 1 <= least <= window:
            raise ValueError(f"QuantileClip: it needs 1 <= least <= window, not {least} and {window}")
        self.parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        self.quantile, self.least = quantile, least
        self._seen: deque[float] = deque(maxlen=window)
        self._sorted: list[float] = []

    @property
    def threshold(self) -> float:
        """The norm that gradients are cut to; infinite until enough are seen."""
        if len(self._seen) < self.least:
            return math.inf
        return quantile(self._sorted, self.quantile)

    @torch.no_grad()
    def __call__(self) -> float:
        """Take in the norm of the gradients, and cut them; return the norm as it was."""
        norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        value = float(norm)
        if 0 < value < math.inf:
            self._take(value)
            if value > self.threshold:
                clip_grads_with_norm_(self.parameters, self.threshold, norm)
        return value

    def state_dict(self) -> dict[str, Any]:
        """Return the norms seen."""
        return {"seen": list(self._seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the norms of a checkpoint."""
        self._seen.clear()
        self._seen.extend(state["seen"])
        self._sorted = sorted(self._seen)

    def _take(self, value: float) -> None:
        if len(self._seen) == self._seen.maxlen:
            del self._sorted[bisect_left(self._sorted, self._seen[0])]
        self._seen.append(value)
        insort(self._sorted, value)
