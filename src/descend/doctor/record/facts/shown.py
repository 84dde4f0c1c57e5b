"""What is sent while something of a script is shown: what is measured, of how much, and what the batch leaves."""

from dataclasses import dataclass

from descend.doctor.record.facts.optimizers import Setting

Settings = dict[str, Setting | dict[str, Setting]]  # an optimizer's rule and hyper-parameters, by their names in torch


@dataclass(frozen=True)
class KeptBytes:
    """What the forward pass of the script's own batch leaves for the backward pass."""

    examples: int  # in the batch
    bytes: int  # the parameters aside


@dataclass(frozen=True)
class Measuring:
    """What is being measured at a point of the run, as its progress is told."""

    what: str  # in words: eigenvalues, value 40 of 625


@dataclass(frozen=True)
class Extent:
    """How large the network is that is shown at a point, and on how much it is looked at."""

    parameters: int  # numbers in all of them
    examples: int  # fixed ones, in all batches
    batches: int
