"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.named import name_of
from descend.record.facts.shown import KeptBytes, Measuring

__all__ = [
    "Clip",
    "ConstantTerm",
    "IdleLoss",
    "KeptBytes",
    "Measuring",
    "Singular",
    "name_of",
]
