"""What is sent while something of a script is shown: what is measured, of how much, and what the batch leaves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeptBytes:
    """What the forward pass of the script's own batch leaves for the backward pass."""

    examples: int  # in the batch
    bytes: int  # the parameters aside


@dataclass(frozen=True)
class Measuring:
    """What is being measured at a point of the run, as its progress is told."""

    what: str  # in words: eigenvalues, value 40 of 625
