"""How far single steps move the weights of layers, as a share of the weights' own norm."""

from collections import defaultdict
from statistics import median

from descend.doctor.record import Record
from descend.ground.bound import Bound, Count

LONG_STEPS = Bound(
    0.15,
    "of the weights' own norm in one step, the median over weight matrices",
    "calibrated on clinic/healthy: of its 63 working programs the largest that has not learned its task is at 0.12; "
    "usual are 1e-3 (Karpathy, CS231n, Ratio of weights:updates) to 0.1 in the first steps of Adam",
)
OFTEN = Count(3, "steps that were measured", "chosen: the first steps of a rule without bias correction are long")


def repeated_step(record: Record) -> float:
    """Return the relative length that `OFTEN` steps reach; 0 where fewer were measured.

    Of the weights of layers alone that do not begin at zero: what begins there, as coefficients may, must move so.
    """
    ratios: dict[int, list[float]] = defaultdict(list)
    for place in record.places("update_ratio"):
        if "weight" not in place.rpartition(".")[2] or _began_at_zero(record, place):
            continue
        for step, ratio in record.series("update_ratio", place).finite():
            ratios[step].append(ratio)
    largest = sorted((median(several) for several in ratios.values()), reverse=True)
    return largest[OFTEN - 1] if len(largest) >= OFTEN else 0.0


def _began_at_zero(record: Record, parameter: str) -> bool:
    """Whether a parameter had a gradient before it had a size that a step could be held against."""
    gradients, ratios = record.series("gradient_norm", parameter), record.series("update_ratio", parameter)
    return len(gradients) > 0 and len(ratios) > 0 and gradients.steps[0] < ratios.steps[0]
