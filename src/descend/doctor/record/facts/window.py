"""How much of a run is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """What an observed run ends with, where the script goes on for longer."""

    steps: int  # optimizer steps at most,
    seconds: float  # or seconds of training, whichever comes first;
    least_steps: int  # no more than these, where training takes longer than
    quick_s: float  # this many seconds
    patience: float  # seconds for reading and preparing data, before the first backward pass
