"""Sampling of examples in proportion to their error, with a guard against outliers."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from descend.core.quantile import quantile
from descend.data.order import Order

OUTLYING = 0.1  # share of the examples that may be outliers; in noisy data, one label in ten may be wrong
PATIENCE = 32  # number of successive large errors that mark an outlier; on digits, the best of 3, 8, 16 and 32
LEAST = 0.01  # smallest sampling weight, as a share of the mean weight; an error of 0 may have grown since


class ErrorWeighted(Order):
    """A sampler that draws examples with replacement, in proportion to their latest errors (LeCun et al. 1998, §4.2).

    An outlier keeps the largest error, as the text warns. With guard=True, errors are clipped at the quantile 1 −
    `outlying`. An error above it in each of the last `patience` draws, which is not being learned, counts as the
    median. Call `update` with the errors of each batch. An unknown error counts as the largest one that is not clipped.

    Parameters
    ----------
    length : int
        The number of examples.
    seed : int
        The seed of the draws.
    guard : bool
        Whether the errors of outliers are limited.
    outlying : float
        The share of examples, in (0, 1), whose errors are clipped.
    patience : int
        The number of draws in a row after which a large error counts as the median.

    Raises
    ------
    ValueError
        If a number is outside its limits.

    Examples
    --------
    >>> sampler = ErrorWeighted(len(dataset))
    >>> sampler.update(indices=[0, 3, 5], errors=[0.2, 1.5, 0.1])
    """

    def __init__(
        self, length: int, seed: int = 0, *, guard: bool = True, outlying: float = OUTLYING, patience: int = PATIENCE
    ) -> None:
        super().__init__(length, seed)
        if not 0 < outlying < 1 or patience < 1:
            raise ValueError(
                f"ErrorWeighted: outlying must be in (0, 1) and patience at least 1, not {outlying} and {patience}"
            )
        self.guard, self.outlying, self.patience = guard, outlying, patience
        self.errors = torch.full((length,), torch.nan, dtype=torch.float64)
        self._at_start = torch.ones(length, dtype=torch.float64)  # sampling weights of the current epoch
        self._bound = math.inf  # quantile of all errors at the start of the epoch; larger errors are clipped
        # for each example, how many times in a row, up to its latest draw, its error exceeded the quantile `_bound`
        self._above = torch.zeros(length, dtype=torch.long)

    def update(self, indices: Tensor | Iterable[int], errors: Tensor | Iterable[float]) -> None:
        """Record the latest errors of the examples with these indices.

        Raises `ValueError` unless all errors are finite and at least 0.
        """
        values = torch.as_tensor(errors if isinstance(errors, Tensor) else list(errors)).detach().double().cpu()
        places = torch.as_tensor(indices if isinstance(indices, Tensor) else list(indices)).long().cpu()
        if values.shape != places.shape:
            raise ValueError(f"ErrorWeighted: errors must have shape ({len(places)},), not {tuple(values.shape)}")
        if not (values.isfinite() & (values >= 0)).all():
            raise ValueError("ErrorWeighted: errors must be finite numbers of at least 0")
        self.errors[places] = values
        self._above[places] = torch.where(values > self._bound, self._above[places] + 1, 0)

    def weights(self) -> Tensor:
        """Return each example's sampling weight for the next epoch, of shape ``(N,)``."""
        errors = self.errors
        known = errors[~errors.isnan()]
        if not len(known) or not known.any():
            return torch.ones(self.length, dtype=torch.float64)
        bound = self._clipping_threshold()
        errors = errors.where(~errors.isnan(), known[known <= bound].max()).clamp_max(bound)
        if self.guard:
            errors = errors.where(self._above < self.patience, known.median())
        return errors.clamp_min(LEAST * errors.mean()) if errors.any() else torch.ones_like(errors)

    def _clipping_threshold(self) -> float:
        """Return the quantile of the known errors to which larger errors are clipped; infinity without clipping."""
        known = self.errors[~self.errors.isnan()]
        return quantile(sorted(known.tolist()), 1 - self.outlying) if self.guard and len(known) else math.inf

    def order(self, generator: torch.Generator) -> Tensor:
        """Return one epoch of indices, drawn with replacement in proportion to the examples' sampling weights."""
        if not self.drawn:
            self._at_start, self._bound = self.weights(), self._clipping_threshold()
        return torch.multinomial(self._at_start, self.length, replacement=True, generator=generator)

    def state_dict(self) -> dict[str, object]:
        """Return the seed, the epoch, the number of examples drawn in it, and the recorded errors and weights."""
        held = {"errors": self.errors.clone(), "at_start": self._at_start.clone(), "above": self._above.clone()}
        return {**super().state_dict(), **held, "bound": self._bound}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore a state from `state_dict`. Raises `ValueError` if it was saved for another number of examples."""
        errors = state["errors"]
        assert isinstance(errors, Tensor)
        if errors.shape != self.errors.shape:
            raise ValueError(f"ErrorWeighted: the checkpoint is for {len(errors)} examples, not {self.length}")
        super().load_state_dict(state)
        at_start, above, bound = state["at_start"], state["above"], state["bound"]
        assert isinstance(at_start, Tensor) and isinstance(above, Tensor) and isinstance(bound, float)
        self.errors, self._at_start, self._above, self._bound = errors.clone(), at_start.clone(), above.clone(), bound
