"""Examples drawn by how wrong the network is on them; the outliers are not what it should learn by heart."""

from collections.abc import Iterable

import torch
from torch import Tensor

from descend.data.order import Order

OUTLYING = 5.0  # robust standard deviations above the median error (Iglewicz & Hoaglin 1993 take 3.5 of both tails)
LEAST = 0.01  # of the mean weight: an error that was 0 once may have grown
ROBUST = 1.4826  # a normal distribution's standard deviation over its median absolute deviation


class ErrorWeighted(Order):
    """Draws examples, with replacement, in proportion to their last known error (LeCun et al. 1998, §4.2).

    The text warns of it: an outlier has the largest error for ever. With the guard on, an error far above the others
    (`outlying` robust standard deviations above the median) counts as the median one. Tell the sampler the errors of
    each batch by `update`; until an example's error is known it counts as the largest that is none of an outlier.

    >>> sampler = ErrorWeighted(len(dataset))
    >>> sampler.update(indices=[0, 3, 5], errors=[0.2, 1.5, 0.1])
    """

    def __init__(self, length: int, seed: int = 0, *, guard: bool = True, outlying: float = OUTLYING) -> None:
        super().__init__(length, seed)
        if not outlying > 0:
            raise ValueError(f"ErrorWeighted: outlying must be above 0, not {outlying}")
        self.guard, self.outlying = guard, outlying
        self.errors = torch.full((length,), torch.nan, dtype=torch.float64)
        self._at_start = self.errors  # of the epoch, which is drawn by them

    def update(self, indices: Tensor | Iterable[int], errors: Tensor | Iterable[float]) -> None:
        """Take in the errors of some examples, at least 0. Raises `ValueError` for what is no such number."""
        values = torch.as_tensor(errors if isinstance(errors, Tensor) else list(errors)).detach().double().cpu()
        places = torch.as_tensor(indices if isinstance(indices, Tensor) else list(indices)).long().cpu()
        if values.shape != places.shape:
            raise ValueError(f"ErrorWeighted: {len(places)} indices, but errors of shape {tuple(values.shape)}")
        if not (values.isfinite() & (values >= 0)).all():
            raise ValueError("ErrorWeighted: errors must be finite numbers of at least 0")
        self.errors[places] = values

    def weights(self) -> Tensor:
        """Return the weight of each example in the next draw, (N,)."""
        return self._weights(self.errors)

    def _weights(self, errors: Tensor) -> Tensor:
        known = errors[~errors.isnan()]
        if not len(known) or not known.any():
            return torch.ones(self.length, dtype=torch.float64)
        median = known.median()
        spread = ROBUST * (known - median).abs().median()
        is_guarded = self.guard and spread > 0  # where most are alike none can be told to be far off
        bound = median + self.outlying * spread if is_guarded else torch.tensor(torch.inf, dtype=torch.float64)
        errors = errors.where(~errors.isnan(), known[known <= bound].max())
        errors = errors.where(errors <= bound, median)
        return errors.clamp_min(LEAST * errors.mean())

    def order(self, generator: torch.Generator) -> Tensor:
        """Return as many indices as there are examples, drawn with replacement."""
        if not self.drawn:
            self._at_start = self.errors.clone()
        weights = self._weights(self._at_start)
        return torch.multinomial(weights, self.length, replacement=True, generator=generator)

    def state_dict(self) -> dict[str, object]:
        """Return the place in the epoch, and the errors."""
        return {**super().state_dict(), "errors": self.errors.clone(), "at_start": self._at_start.clone()}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on where a checkpoint was. Raises `ValueError` for one of another number of examples."""
        errors = state["errors"]
        assert isinstance(errors, Tensor)
        if errors.shape != self.errors.shape:
            raise ValueError(f"ErrorWeighted: the checkpoint has {len(errors)} examples, and here are {self.length}")
        super().load_state_dict(state)
        at_start = state["at_start"]
        assert isinstance(at_start, Tensor)
        self.errors, self._at_start = errors.clone(), at_start.clone()
