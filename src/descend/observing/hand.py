"""A script without an optimizer: does it update its parameters by hand, or only rehearse a backward pass?

A check of the gradients, or the importance of each weight, may be computed before the optimizer is made: those
passes are no steps. They leave the parameters as they are.
"""

from collections.abc import Sequence

from torch import Tensor

from descend.record import Fact, Message
from descend.tape import leaf_parameters

BY_HAND = "0"  # the key of a script that updates its parameters itself
DESCENT = {"class": "SGD", "by_hand": True, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "groups": 1}
SAMPLED_PARAMETERS = 8
SAMPLED_VALUES = 256  # of each
MEASURED = 6  # first passes whose steps are measured
ALIKE = 0.99  # cosine between a step and the gradient's opposite
REHEARSALS = 100  # passes after which a script that has changed nothing is believed to train all the same


class Hand:
    """The parameters that backward passes without an optimizer reach.

    owning: whether they may be kept alive for the fingerprint of the weights.
    """

    def __init__(self, *, owning: bool) -> None:
        self.owning = owning
        self.trains = False  # whether they have been seen to change
        self.leaves: tuple[Tensor, ...] = ()
        self.rate: float | None = None  # of plain gradient descent, once a step has shown it
        self._filled: list[tuple[Tensor, Tensor, Tensor]] = []  # parameters, their values and gradients after a pass
        self._passes = 0
        self._earlier: dict[int, tuple[int, float]] = {}  # id -> version and sum

    def look(self, root: Tensor) -> list[Message]:
        """Look at the parameters before a backward pass; return the rule, once a step has shown it."""
        if self.trains and not self.owning:
            return []
        leaves = leaf_parameters(root)
        self.leaves = tuple(leaves) if self.owning else ()
        self._passes += 1
        if not self.trains:
            self.trains = self._have_changed(leaves) or self._passes > REHEARSALS
        return self._measure()

    def filled(self) -> None:
        """After a backward pass: remember what a step will start from."""
        if self.rate is None and self._passes <= MEASURED:
            known = [(p, p.grad) for p in self.leaves if p.grad is not None and not p.grad.is_sparse]
            self._filled = [(p, p.detach().clone(), grad.detach().clone()) for p, grad in known]

    def _measure(self) -> list[Message]:
        """Compare the step that was taken with the gradient: is it plain gradient descent, and how long?"""
        along = length = moved = 0.0
        for p, value, grad in self._filled:
            step, slope = (p.detach() - value).double(), grad.double()
            along -= float((step * slope).sum())
            length += float(slope.square().sum())
            moved += float(step.square().sum())
        size, self._filled = sum(p.numel() for p, _, _ in self._filled), []
        if not along > ALIKE * (length * moved) ** 0.5 > 0:
            return []
        self.rate = float(f"{along / length:.4g}")
        return [Fact("optimizer", BY_HAND, 0, {**DESCENT, "lr": self.rate, "parameters": size})]

    def _have_changed(self, leaves: Sequence[Tensor]) -> bool:
        now = {id(p): (p._version, _sum(p)) for p in leaves[:SAMPLED_PARAMETERS]}
        earlier, self._earlier = self._earlier, now
        if not earlier:
            return False
        common = now.keys() & earlier.keys()
        return not common or any(now[key] != earlier[key] for key in common)


def _sum(parameter: Tensor) -> float:
    return float(parameter.detach().reshape(-1)[:SAMPLED_VALUES].abs().sum())
