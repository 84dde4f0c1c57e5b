"""The loss of any script's step as a function of its parameters, recorded as it happened."""

from descend.doctor.tape.call import Op, Origin
from descend.doctor.tape.graph import is_finite, leaf_parameters
from descend.doctor.tape.recording import Recording, Stale
from descend.doctor.tape.sealing import Refused
from descend.doctor.tape.standing import at_the_bottom, beneath, take_off
from descend.doctor.tape.still import without_dropout
from descend.doctor.tape.tape import Tape
from descend.landscape import custom_function

__all__ = [
    "Op",
    "Origin",
    "Recording",
    "Refused",
    "Stale",
    "Tape",
    "at_the_bottom",
    "beneath",
    "custom_function",
    "is_finite",
    "leaf_parameters",
    "take_off",
    "without_dropout",
]
