"""What can be done to a network before it is trained: inputs and targets standardised, weights drawn anew."""

from descend.network.initialise import reinitialise
from descend.network.recurrent import initialise_recurrent
from descend.network.standardise import standardise_inputs
from descend.network.standardise_targets import standardise_targets

__all__ = ["initialise_recurrent", "reinitialise", "standardise_inputs", "standardise_targets"]
