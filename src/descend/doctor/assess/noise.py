"""How much the losses of neighbouring batches differ, and how large a rise of the loss must be to exceed that."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, median, median_low

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, Series, facts

WINDOW = Count(
    10, "training losses of consecutive steps", "chosen: a single batch has little effect on the median of ten losses"
)
RISEN = Bound(
    1.25,
    "smoothed cost divided by the first cost",
    "chosen: a smoothed cost counts as risen if it exceeds the first cost by a quarter",
)
NOISE = Bound(
    1.5,
    "multiple of the median difference between consecutive losses",
    "chosen: a rise must exceed the usual differences between batches",
)
START = Count(
    20,
    "losses at the start of a run",
    "chosen: batch noise falls with the loss, so the noise at the start is estimated separately",
)
OF_EXAMPLES = Bound(
    1.5,
    "standard deviation of the examples' losses divided by their mean",
    "this ratio is √2 for the squares of normally distributed errors; the limit is used if a run is too short to "
    "measure its batch noise",
)
OFTEN = Bound(
    0.25,
    "share of the step-to-step changes of the loss that reverse the previous change",
    "chosen: if the loss is pure noise, two in three changes reverse the previous change",
)


def running_median(series: Series) -> Series:
    """Return the running median of a series, at each step over the values of the last `WINDOW` steps."""
    values = series.values
    running = tuple(median_low(values[max(0, i - WINDOW + 1) : i + 1]) for i in range(len(values)))
    return Series(series.steps, running)


def smallest_rise(losses: Series, noise: float) -> float:
    """Return the smallest rise above the first loss that counts as a rise, if batches differ by `noise`."""
    return (RISEN - 1) * max(abs(losses.first), 1e-12) + NOISE * noise


def reversal_size(losses: Series) -> float:
    """Return the median size of the changes of a loss that the next step reverses; 0 if the trend is steady."""
    values = losses.finite().values
    changes = [b - a for a, b in zip(values, values[1:])]
    turns = [min(abs(a), abs(b)) for a, b in zip(changes, changes[1:]) if a * b < 0]
    return median(turns) if len(turns) > OFTEN * len(changes) else 0.0


def noise_deviation(losses: Sequence[float]) -> float:
    """Return the standard deviation of the noise in consecutive losses: √(mean squared difference / 2).

    A trend or a jump, as when the script restarts with other weights, has almost no effect on it (von Neumann et al.
    1941, the mean square successive difference).
    """
    return sqrt(fmean((b - a) ** 2 for a, b in zip(losses, losses[1:])) / 2)


def batch_noise(record: Record, losses: Series) -> float:
    """Return the typical difference between the losses of consecutive batches.

    It is measured in the first steps and in the whole run, and the larger value is returned.

    A run of fewer than `WINDOW` steps is too short for this measurement. Its value is estimated from the batch size.
    """
    measured = max(reversal_size(losses), reversal_size(Series(losses.steps[:START], losses.values[:START])))
    if len(losses) >= WINDOW:
        return measured
    sizes = [batch.fact.examples for batch in record.history(facts.Batch)]
    return max(measured, OF_EXAMPLES * abs(losses.first) / sqrt(max((*sizes, 1))))
