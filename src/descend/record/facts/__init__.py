"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.data import BadData, Pairing, ZeroInput
from descend.record.facts.dimensions import Exchanged, LoneEntry, Mixing, TargetLeak
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.loss import Divergence, MixedReductions, NotFinite
from descend.record.facts.named import name_of
from descend.record.facts.wiring import Alterations, LeftUnloaded, Lost, MadeInForward, Modes

__all__ = [
    "Alterations",
    "BadData",
    "Clip",
    "ConstantTerm",
    "Divergence",
    "Exchanged",
    "IdleLoss",
    "LeftUnloaded",
    "LoneEntry",
    "Lost",
    "MadeInForward",
    "MixedReductions",
    "Mixing",
    "Modes",
    "NotFinite",
    "Pairing",
    "Singular",
    "TargetLeak",
    "ZeroInput",
    "name_of",
]
