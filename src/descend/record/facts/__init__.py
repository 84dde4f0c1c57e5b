"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.plan import Stage
from descend.record.facts.evaluation import EvaluatedInputs
from descend.record.facts.examples import Loader, Monitor
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.named import name_of
from descend.record.facts.optimizers import FirstStep, Opponents, Optimizer, Scheduler, Setting, optimizer_of
from descend.record.facts.own import OwnMeasure, OwnNumber, OwnSelection, SelfSampledLoss, Untrained
from descend.record.facts.run import Begun, CutOff, FileRead, Line, Passes
from descend.record.facts.switched import Dropout, TrainingMode
from descend.record.facts.trials import Floorless, Varies

__all__ = [
    "Begun",
    "Clip",
    "ConstantTerm",
    "CutOff",
    "Dropout",
    "EvaluatedInputs",
    "FileRead",
    "FirstStep",
    "Floorless",
    "IdleLoss",
    "Line",
    "Loader",
    "Monitor",
    "Opponents",
    "Optimizer",
    "OwnMeasure",
    "OwnNumber",
    "OwnSelection",
    "Passes",
    "Scheduler",
    "SelfSampledLoss",
    "Setting",
    "Singular",
    "Stage",
    "TrainingMode",
    "Untrained",
    "Varies",
    "name_of",
    "optimizer_of",
]
