"""Weights of classes that are wrong: larger for frequent classes, or zero for a class that is no padding."""

from math import sqrt

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, facts

GROWS = Bound(
    1.25,
    "mean weight of the targets / mean weight of the classes",
    "chosen: 1 without weights, at most 1 with weights against rare classes, and 1.25 if one of two classes is three "
    "times as frequent and has three times the weight",
)
CERTAIN = Bound(
    4.0,
    "standard errors of the mean weight of the targets",
    "chosen: by chance, a mean differs by so much in fewer than one of 10,000 runs",
)
SCATTERED = Bound(
    2.0,
    "ignored targets directly after another one / those expected in random order",
    "chosen: padding comes in runs, while the targets of a class are spread over a shuffled batch",
)
FEW = Count(10, "ignored targets", "chosen: the order of fewer ones shows little")

Weighted = tuple[str, facts.ClassWeights]  # the key in the record, and the weights of the classes


def find_growing_weights(record: Record) -> Weighted | None:
    """Return the first weights of classes that are larger for frequent classes; None without any."""
    return next(((key, found) for key, found in record.every(facts.ClassWeights).items() if _grow(found)), None)


def weight_ratio(found: facts.ClassWeights) -> float:
    """Return the mean weight of the targets divided by the mean weight of the classes."""
    return sum(n * w for n, w in zip(found.counts, _relative_weights(found))) / sum(found.counts)


def _relative_weights(found: facts.ClassWeights) -> list[float]:
    """Return the weights of the classes divided by their mean."""
    mean = sum(found.weights) / len(found.weights)
    return [weight / mean for weight in found.weights]


def _grow(found: facts.ClassWeights) -> bool:
    """Return whether the weights are larger for frequent classes, beyond what few targets show by chance."""
    count = sum(found.counts)
    if not count or not sum(found.weights) > 0:
        return False
    ratio = weight_ratio(found)
    variance = sum(n * (w - ratio) ** 2 for n, w in zip(found.counts, _relative_weights(found))) / count
    return ratio > GROWS and ratio - 1 > CERTAIN * sqrt(variance / count)


def find_ignored_class(record: Record) -> facts.IgnoredClass | None:
    """Return the class that the loss ignores if its targets are spread among the others, unlike padding; else None."""
    found = record.fact(facts.IgnoredClass, "loss")
    if found is None or not FEW <= found.ignored < found.targets:
        return None
    return found if found.following <= SCATTERED * found.ignored**2 / found.targets else None
