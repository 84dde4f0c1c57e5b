"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.plan import Stage
from descend.record.facts.answers import Answers, Signal, TwoValued
from descend.record.facts.data import BadData, Batch, Inputs, Pairing, ZeroInput
from descend.record.facts.dimensions import Exchanged, LoneEntry, Mixing, TargetLeak
from descend.record.facts.evaluation import EvaluatedInputs
from descend.record.facts.examples import Loader, Monitor
from descend.record.facts.floors import Floor, Reachability
from descend.record.facts.gradients import Clip, ConstantTerm, GradientCheck, IdleLoss, ModuleGradient, Singular
from descend.record.facts.layers import Activation, Recurrent, RunningStatistics, UnaveragedBuffers, Widths
from descend.record.facts.loss import Divergence, LossInput, MixedReductions, NotFinite, Targets
from descend.record.facts.named import name_of
from descend.record.facts.optimizers import FirstStep, Opponents, Optimizer, Scheduler, Setting, optimizer_of
from descend.record.facts.own import OwnMeasure, OwnNumber, OwnSelection, SelfSampledLoss, Untrained
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
from descend.record.facts.run import Begun, CutOff, FileRead, Line, Passes
from descend.record.facts.switched import Dropout, TrainingMode
from descend.record.facts.trials import Floorless, Varies
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
    "Begun",
    "Broadcast",
    "Clip",
    "Connections",
    "ConstantTerm",
    "Crossing",
    "CutOff",
    "Divergence",
    "Dropout",
    "Edit",
    "Editable",
    "EditableCall",
    "EvaluatedInputs",
    "Exchanged",
    "FileRead",
    "FirstStep",
    "Floor",
    "Floorless",
    "GradientCheck",
    "IdleLoss",
    "Inputs",
    "LeftUnloaded",
    "Line",
    "Loader",
    "LoneEntry",
    "LossInput",
    "LossTerm",
    "Lost",
    "MadeInForward",
    "MixedReductions",
    "Mixing",
    "Modes",
    "ModuleGradient",
    "Monitor",
    "NotFinite",
    "OfLoss",
    "OnEvaluated",
    "OnFetched",
    "OnInputs",
    "OnLoss",
    "OnMeasured",
    "OnNetwork",
    "OnTheWay",
    "Opponents",
    "Optimizer",
    "OwnMeasure",
    "OwnNumber",
    "OwnSelection",
    "Pairing",
    "Passes",
    "Prepared",
    "Reachability",
    "Recurrent",
    "RunningStatistics",
    "Scheduler",
    "SelfSampledLoss",
    "Setting",
    "Signal",
    "Singular",
    "Stage",
    "TargetLeak",
    "Targets",
    "TrainingMode",
    "TwoValued",
    "UnaveragedBuffers",
    "Untrained",
    "Varies",
    "Widths",
    "Window",
    "Wiring",
    "ZeroInput",
    "name_of",
    "optimizer_of",
]
