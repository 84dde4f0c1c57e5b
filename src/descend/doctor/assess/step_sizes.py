"""The relative length of single steps: the change of the weights as a share of their norm."""

from collections import defaultdict
from math import nan
from statistics import median

from descend.core.bound import Bound, Count
from descend.doctor.record import Record

LONG_STEPS = Bound(
    0.15,
    "norm of a step divided by the norm of the weights (median over the weight matrices)",
    "calibrated on clinic/healthy: some of its 63 programs without a fault have not yet learned their task in the "
    "observed steps, and this ratio is at most 0.12 for them; usual values are 1e-3 (Karpathy, CS231n, Ratio of "
    "weights:updates) to 0.1 (first steps of Adam)",
)
OFTEN = Count(
    3, "measured steps", "chosen: the first one or two steps of an optimizer without bias correction are long"
)

OUTRUN = Bound(
    1.0,
    "norm of a step divided by the norm of the weights",
    "chosen: the first step is then as long as the weights themselves; 1e-3 to 0.1 of their norm is usual",
)


def repeated_step_length(record: Record) -> float:
    """Return the relative length of the third longest step (`OFTEN`); 0 if fewer steps were measured.

    The relative length is the norm of the change divided by the norm of the weights. Weights that start at zero do
    not count, because they must move far.
    """
    ratios: dict[int, list[float]] = defaultdict(list)
    for place in record.places("update_ratio"):
        if "weight" not in place.rpartition(".")[2] or _starts_at_zero(record, place):
            continue
        for step, ratio in record.series("update_ratio", place).finite():
            ratios[step].append(ratio)
    largest = sorted((median(several) for several in ratios.values()), reverse=True)
    return largest[OFTEN - 1] if len(largest) >= OFTEN else 0.0


def _starts_at_zero(record: Record, parameter: str) -> bool:
    """Return whether a parameter was initialised to zero: it had a gradient before it had a nonzero norm."""
    gradients, ratios = record.series("gradient_norm", parameter), record.series("update_ratio", parameter)
    return len(gradients) > 0 and len(ratios) > 0 and gradients.steps[0] < ratios.steps[0]


def first_step_length(record: Record) -> float:
    """Return the median relative change of the weight matrices in the first step; NaN if it was not measured.

    Weights that start at zero do not count, because they are first measured in a later step.
    """
    places = [place for place in measured_weights(record) if not _starts_at_zero(record, place)]
    ratios = [value for place in places if (value := record.series("update_ratio", place).first) == value]
    return median(ratios) if ratios else nan


def measured_weights(record: Record) -> list[str]:
    """Return the names of the parameters, except biases, whose change relative to their norm was measured."""
    return [p for p in record.places("update_ratio") if "bias" not in p]
