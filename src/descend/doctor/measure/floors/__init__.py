"""Lower bounds of the loss. A call's floor is the smallest loss if the values after the call could be chosen freely."""
