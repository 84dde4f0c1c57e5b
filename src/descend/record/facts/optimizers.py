"""What was seen of the optimizers: when each steps, against which others, and what sets their rates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FirstStep:
    """An optimizer, whose key is the place, steps for the first time."""

    after: dict[str, int]  # the steps that each of the others had taken


@dataclass(frozen=True)
class Opponents:
    """Two optimizers step in turn, each on a loss of its own that the other's steps move; one's key is the place."""

    optimizer: str  # the other's key


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of torch's, told at the end of the run."""

    rule: str  # its class: StepLR, OneCycleLR, …
    steps: int  # times that the script stepped it
