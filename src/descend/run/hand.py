"""A script without an optimizer: does it update its parameters by hand, or only rehearse a backward pass?

A check of the gradients, or the importance of each weight, may be computed before the optimizer is made: those
passes are no steps. They leave the parameters as they are.
"""

from collections.abc import Sequence

from torch import Tensor

from descend.tape import leaf_parameters

SAMPLED_PARAMETERS = 8
SAMPLED_VALUES = 256  # of each
REHEARSALS = 100  # passes after which a script that has changed nothing is believed to train all the same


class Hand:
    """The parameters that backward passes without an optimizer reach.

    owning: whether they may be kept alive for the fingerprint of the weights.
    """

    def __init__(self, *, owning: bool) -> None:
        self.owning = owning
        self.trains = False  # whether they have been seen to change
        self.leaves: tuple[Tensor, ...] = ()
        self._passes = 0
        self._earlier: dict[int, tuple[int, float]] = {}  # id -> version and sum

    def look(self, root: Tensor) -> None:
        """Look at the parameters before a backward pass."""
        if self.trains and not self.owning:
            return
        leaves = leaf_parameters(root)
        self.leaves = tuple(leaves) if self.owning else ()
        if not self.trains:
            self._passes += 1
            self.trains = self._have_changed(leaves) or self._passes > REHEARSALS

    def _have_changed(self, leaves: Sequence[Tensor]) -> bool:
        now = {id(p): (p._version, _sum(p)) for p in leaves[:SAMPLED_PARAMETERS]}
        earlier, self._earlier = self._earlier, now
        if not earlier:
            return False
        common = now.keys() & earlier.keys()
        return not common or any(now[key] != earlier[key] for key in common)


def _sum(parameter: Tensor) -> float:
    return float(parameter.detach().reshape(-1)[:SAMPLED_VALUES].abs().sum())
