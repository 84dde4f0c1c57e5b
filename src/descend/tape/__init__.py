"""The loss of any script's step as a function of its parameters, recorded as it happened."""

from descend.tape.graph import custom_function, leaf_parameters
from descend.tape.recording import Op, Origin, Recording, Stale
from descend.tape.tape import Refused, Tape

__all__ = ["Op", "Origin", "Recording", "Refused", "Stale", "Tape", "custom_function", "leaf_parameters"]
