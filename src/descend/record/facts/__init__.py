"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.answers import Answers, Signal, TwoValued
from descend.record.facts.floors import Floor, Reachability
from descend.record.facts.gradients import Clip, ConstantTerm, GradientCheck, IdleLoss, ModuleGradient, Singular
from descend.record.facts.layers import Activation, Recurrent, RunningStatistics, UnaveragedBuffers, Widths
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

__all__ = [
    "Activation",
    "Answers",
    "Clip",
    "ConstantTerm",
    "Crossing",
    "Edit",
    "Editable",
    "EditableCall",
    "Floor",
    "GradientCheck",
    "IdleLoss",
    "LossTerm",
    "ModuleGradient",
    "OfLoss",
    "OnEvaluated",
    "OnFetched",
    "OnInputs",
    "OnLoss",
    "OnMeasured",
    "OnNetwork",
    "OnTheWay",
    "Prepared",
    "Reachability",
    "Recurrent",
    "RunningStatistics",
    "Signal",
    "Singular",
    "TwoValued",
    "UnaveragedBuffers",
    "Widths",
    "name_of",
]
