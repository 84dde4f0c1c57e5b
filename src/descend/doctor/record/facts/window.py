"""The fact that describes the observation window."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """The limits on steps and time of the observed part of a run. A run that exceeds them is ended."""

    steps: int  # largest number of optimizer steps
    seconds: float  # largest number of seconds of training; the first limit that is reached ends the run
    least_steps: int  # largest number of steps if their training takes longer than `quick_s` seconds
    quick_s: float  # seconds of training above which a script counts as slow
    patience: float  # seconds to wait for the first backward pass, while data are read and prepared
