"""Examples drawn by how wrong the network is on them; the outliers are not what it should learn by heart."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from descend.data.order import Order
from descend.ground.quantile import quantile

OUTLYING = 0.1  # share of the examples that may be outliers: one in ten labels is wrong in bad data
PATIENCE = 32  # draws: of 3, 8, 16 and 32 it kept most of the gain on clean digits, at the same cost on noisy ones
LEAST = 0.01  # of the mean weight: an error that was 0 once may have grown


class ErrorWeighted(Order):
    """Draws examples, with replacement, in proportion to their last known error (LeCun et al. 1998, §4.2).

    The text warns of it: an outlier has the largest error for ever. With the guard on, no error counts more than the
    quantile that a share of `outlying` lies above, and one that was above it in each of its last `patience` draws, and
    so is not being learnt, counts as the median. Tell the sampler the errors of each batch by `update`; until an
    example's error is known it counts as the largest that is none of an outlier.

    >>> sampler = ErrorWeighted(len(dataset))
    >>> sampler.update(indices=[0, 3, 5], errors=[0.2, 1.5, 0.1])
    """

    def __init__(
        self, length: int, seed: int = 0, *, guard: bool = True, outlying: float = OUTLYING, patience: int = PATIENCE
    ) -> None:
        super().__init__(length, seed)
        if not 0 < outlying < 1 or patience < 1:
            raise ValueError(
                f"ErrorWeighted: it needs 0 < outlying < 1 and patience >= 1, not {outlying} and {patience}"
            )
        self.guard, self.outlying, self.patience = guard, outlying, patience
        self.errors = torch.full((length,), torch.nan, dtype=torch.float64)
        self._at_start = torch.ones(length, dtype=torch.float64)  # the weights that the epoch is drawn by
        self._bound = math.inf  # at its start: the quantile
        self._above = torch.zeros(length, dtype=torch.long)  # how many draws in a row each error has been above it

    def update(self, indices: Tensor | Iterable[int], errors: Tensor | Iterable[float]) -> None:
        """Take in the errors of some examples, at least 0. Raises `ValueError` for what is no such number."""
        values = torch.as_tensor(errors if isinstance(errors, Tensor) else list(errors)).detach().double().cpu()
        places = torch.as_tensor(indices if isinstance(indices, Tensor) else list(indices)).long().cpu()
        if values.shape != places.shape:
            raise ValueError(f"ErrorWeighted: {len(places)} indices, but errors of shape {tuple(values.shape)}")
        if not (values.isfinite() & (values >= 0)).all():
            raise ValueError("ErrorWeighted: errors must be finite numbers of at least 0")
        self.errors[places] = values
        self._above[places] = torch.where(values > self._bound, self._above[places] + 1, 0)

    def weights(self) -> Tensor:
        """Return the weight of each example in the next draw, (N,)."""
        errors = self.errors
        known = errors[~errors.isnan()]
        if not len(known) or not known.any():
            return torch.ones(self.length, dtype=torch.float64)
        bound = self._quantile()
        errors = errors.where(~errors.isnan(), known[known <= bound].max()).clamp_max(bound)
        if self.guard:
            errors = errors.where(self._above < self.patience, known.median())
        return errors.clamp_min(LEAST * errors.mean()) if errors.any() else torch.ones_like(errors)

    def _quantile(self) -> float:
        """Return what no error may count more than: it holds where most are alike, as a bound by spread does not."""
        known = self.errors[~self.errors.isnan()]
        return quantile(sorted(known.tolist()), 1 - self.outlying) if self.guard and len(known) else math.inf

    def order(self, generator: torch.Generator) -> Tensor:
        """Return as many indices as there are examples, drawn with replacement."""
        if not self.drawn:
            self._at_start, self._bound = self.weights(), self._quantile()
        return torch.multinomial(self._at_start, self.length, replacement=True, generator=generator)

    def state_dict(self) -> dict[str, object]:
        """Return the place in the epoch, and the errors."""
        held = {"errors": self.errors.clone(), "at_start": self._at_start.clone(), "above": self._above.clone()}
        return {**super().state_dict(), **held, "bound": self._bound}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on where a checkpoint was. Raises `ValueError` for one of another number of examples."""
        errors = state["errors"]
        assert isinstance(errors, Tensor)
        if errors.shape != self.errors.shape:
            raise ValueError(f"ErrorWeighted: the checkpoint has {len(errors)} examples, and here are {self.length}")
        super().load_state_dict(state)
        at_start, above, bound = state["at_start"], state["above"], state["bound"]
        assert isinstance(at_start, Tensor) and isinstance(above, Tensor) and isinstance(bound, float)
        self.errors, self._at_start, self._above, self._bound = errors.clone(), at_start.clone(), above.clone(), bound
