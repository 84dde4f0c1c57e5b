"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.answers import Answers, Signal, TwoValued
from descend.record.facts.data import BadData, Batch, Inputs, Pairing, ZeroInput
from descend.record.facts.dimensions import Exchanged, LoneEntry, Mixing, TargetLeak
from descend.record.facts.floors import Floor, Reachability
from descend.record.facts.gradients import Clip, ConstantTerm, GradientCheck, IdleLoss, ModuleGradient, Singular
from descend.record.facts.layers import Activation, Recurrent, RunningStatistics, UnaveragedBuffers, Widths
from descend.record.facts.loss import Divergence, LossInput, MixedReductions, NotFinite, Targets
from descend.record.facts.named import name_of
from descend.record.facts.places import (
    Crossing,
    Edit,
    Editable,
    EditableCall,
    LossTerm,
    OfLoss,
    OnEvaluated,
    OnFetched,
    OnInputs,
    OnLoss,
    OnMeasured,
    OnNetwork,
    OnTheWay,
    Prepared,
)
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
    "Activation",
    "Alterations",
    "Answers",
    "BadData",
    "Batch",
    "Broadcast",
    "Clip",
    "Connections",
    "ConstantTerm",
    "Crossing",
    "Divergence",
    "Edit",
    "Editable",
    "EditableCall",
    "Exchanged",
    "Floor",
    "GradientCheck",
    "IdleLoss",
    "Inputs",
    "LeftUnloaded",
    "LoneEntry",
    "LossInput",
    "LossTerm",
    "Lost",
    "MadeInForward",
    "MixedReductions",
    "Mixing",
    "Modes",
    "ModuleGradient",
    "NotFinite",
    "OfLoss",
    "OnEvaluated",
    "OnFetched",
    "OnInputs",
    "OnLoss",
    "OnMeasured",
    "OnNetwork",
    "OnTheWay",
    "Pairing",
    "Prepared",
    "Reachability",
    "Recurrent",
    "RunningStatistics",
    "Signal",
    "Singular",
    "TargetLeak",
    "Targets",
    "TwoValued",
    "UnaveragedBuffers",
    "Widths",
    "Window",
    "Wiring",
    "ZeroInput",
    "name_of",
]
