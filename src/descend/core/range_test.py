"""The rule of a learning rate range test: which rates are tried, where the test ends, and which rate it suggests.

Smith 2017, §3.3; smoothing, end and suggestion as in Gugger 2018.
"""

from collections.abc import Sequence

RATES = (1e-6, 10.0)  # the usual first and last learning rate
STEPS = 100  # the usual number of steps
DIVERGED = 4.0  # The test ends when the smoothed loss is more than this many times its lowest value (Gugger 2018).
SMOOTHING = 0.98  # decay of the moving average of the losses (Gugger 2018)
TINY = 1e-12
SAFETY = 10.0  # The suggested learning rate is that of the lowest smoothed loss, divided by this number (Gugger 2018).


def rate_at(step: int, steps: int, rates: tuple[float, float] = RATES) -> float:
    """Return the learning rate of one of `steps` steps. It grows from the first to the last one by a constant factor.

    step: counted from 0.
    """
    low, high = rates
    return float(low * (high / low) ** (step / (steps - 1)))


class SmoothedLosses:
    """The bias-corrected moving average of the losses of a range test, up to the step at which the test ends."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._average = 0.0

    def add(self, loss: float) -> bool:
        """Add the loss of the next step. Return whether the test goes on, because the loss has not diverged."""
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        self.values.append(self._average / (1 - SMOOTHING ** (len(self.values) + 1)))
        lowest = min(self.values)
        return self.values[-1] - lowest <= (DIVERGED - 1) * max(abs(lowest), TINY)


def suggested_rate(rates: Sequence[float], smoothed: Sequence[float]) -> float:
    """Return a tenth of the learning rate with the lowest smoothed loss, where the loss still falls."""
    return rates[min(range(len(smoothed)), key=smoothed.__getitem__)] / SAFETY
