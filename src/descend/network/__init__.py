"""What can be done to a network before it is trained: its inputs standardised, its weights drawn anew."""

from descend.network.initialise import reinitialise
from descend.network.standardise import standardise_inputs

__all__ = ["reinitialise", "standardise_inputs"]
