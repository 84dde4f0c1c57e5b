"""What was seen of the optimizers: how they are set up, when they step, and what sets their rates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of torch's, told at the end of the run."""

    rule: str  # its class: StepLR, OneCycleLR, …
    steps: int  # times that the script stepped it
