"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.floors import Floor, Reachability
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
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
    "Clip",
    "ConstantTerm",
    "Crossing",
    "Edit",
    "Editable",
    "EditableCall",
    "Floor",
    "IdleLoss",
    "LossTerm",
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
    "Singular",
    "UnaveragedBuffers",
    "Widths",
    "name_of",
]
