"""A recording of the torch calls of one training step: the loss as a function of the parameters, for any script."""

from descend.doctor.tape.call import Op, Origin
from descend.doctor.tape.dropout import without_dropout
from descend.doctor.tape.finalisation import NotReplayable
from descend.doctor.tape.graph import is_finite, leaf_parameters
from descend.doctor.tape.mode_stack import below_script_modes, push_at_bottom, remove_mode
from descend.doctor.tape.recording import Recording, StaleData
from descend.doctor.tape.tape import Tape
from descend.landscape import custom_function

__all__ = [
    "Op",
    "Origin",
    "Recording",
    "NotReplayable",
    "StaleData",
    "Tape",
    "push_at_bottom",
    "below_script_modes",
    "custom_function",
    "is_finite",
    "leaf_parameters",
    "remove_mode",
    "without_dropout",
]
