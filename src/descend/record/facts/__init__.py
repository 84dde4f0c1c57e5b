"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.plan import Stage
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.named import name_of
from descend.record.facts.run import Begun, CutOff, FileRead, Line, Passes

__all__ = [
    "Begun",
    "Clip",
    "ConstantTerm",
    "CutOff",
    "FileRead",
    "IdleLoss",
    "Line",
    "Passes",
    "Singular",
    "Stage",
    "name_of",
]
