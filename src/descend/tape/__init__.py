"""The loss of any script's step as a function of its parameters, recorded as it happened."""

from descend.landscape import custom_function
from descend.tape.call import Op, Origin
from descend.tape.graph import is_finite, leaf_parameters
from descend.tape.recording import Recording, Stale
from descend.tape.sealing import Refused
from descend.tape.standing import at_the_bottom, beneath, take_off
from descend.tape.still import without_dropout
from descend.tape.tape import Tape

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
