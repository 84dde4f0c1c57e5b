"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.dimensions import Exchanged, LoneEntry, Mixing, TargetLeak
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.named import name_of

__all__ = [
    "Clip",
    "ConstantTerm",
    "Exchanged",
    "IdleLoss",
    "LoneEntry",
    "Mixing",
    "Singular",
    "TargetLeak",
    "name_of",
]
