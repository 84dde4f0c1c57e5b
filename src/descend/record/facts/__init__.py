"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.data import BadData, Batch, Inputs, Pairing, ZeroInput
from descend.record.facts.dimensions import Exchanged, LoneEntry, Mixing, TargetLeak
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.loss import Divergence, LossInput, MixedReductions, NotFinite, Targets
from descend.record.facts.named import name_of
from descend.record.facts.window import Window
from descend.record.facts.wiring import (
    Alterations,
    Broadcast,
    Connections,
    LeftUnloaded,
    Lost,
    MadeInForward,
    Modes,
    Wiring,
)

__all__ = [
    "Alterations",
    "BadData",
    "Batch",
    "Broadcast",
    "Clip",
    "Connections",
    "ConstantTerm",
    "Divergence",
    "Exchanged",
    "IdleLoss",
    "Inputs",
    "LeftUnloaded",
    "LoneEntry",
    "LossInput",
    "Lost",
    "MadeInForward",
    "MixedReductions",
    "Mixing",
    "Modes",
    "NotFinite",
    "Pairing",
    "Singular",
    "TargetLeak",
    "Targets",
    "Window",
    "Wiring",
    "ZeroInput",
    "name_of",
]
