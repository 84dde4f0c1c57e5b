"""What can be done to a network before it is trained: inputs and targets standardised, weights drawn anew."""

from descend.network.initialise import reinitialise
from descend.network.standardise import standardise_inputs
from descend.network.standardise_targets import standardise_targets

__all__ = ["reinitialise", "standardise_inputs", "standardise_targets"]
