"""A script without an optimizer: does it update its parameters by hand, or only rehearse a backward pass?

A check of the gradients, or the importance of each weight, may be computed before the optimizer is made: those
passes are no steps. They leave the parameters as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from descend.doctor.observing.heirs import Heirs
from descend.doctor.reading.lineage import Lineage
from descend.doctor.record import Fact, Message, facts
from descend.doctor.tape import leaf_parameters

BY_HAND = "0"  # the key of a script that updates its parameters itself
DESCENT = facts.Optimizer("SGD", 1, 0, momentum=0.0, dampening=0.0, weight_decay=0.0, by_hand=True)
SAMPLED_PARAMETERS = 8
SAMPLED_VALUES = 256  # of each
MEASURED = 6  # first passes whose steps are measured
ALIKE = 0.99  # cosine between a step and the gradient or its opposite
SAME_RATE = 0.01  # two steps in a row agree so well: the first one of a momentum is as long as the gradient says, too
REHEARSALS = 100  # passes after which a script that has changed nothing is believed to train all the same


class ManualUpdates:
    """The parameters that backward passes without an optimizer reach.

    owning: whether they may be kept alive for the fingerprint of the weights.
    """

    def __init__(self, *, owning: bool) -> None:
        self.owning = owning
        self.trains = False  # whether they have been seen to change
        self.leaves: tuple[Tensor, ...] = ()
        self.rate: float | None = None  # of plain gradient descent, once a step has shown it
        self.climbs = False  # whether it goes up the loss
        self.lineage = Lineage()
        self.heirs: Heirs | None = None  # of the last gradient that a function was taken for, while it may be of no use
        self.names: tuple[str, ...] = ()  # of the parameters, where the script gives them names
        self._filled: list[tuple[int, Tensor, Tensor]] = []  # parameters' places, values and gradients after a pass
        self._seen: float | None = None  # the rate that the last step that was measured has shown
        self._passes = 0
        self._earlier: dict[int, tuple[int, float]] = {}  # id -> version and sum

    def look(self, root: Tensor, inputs: Sequence[Tensor] | None = None) -> list[Message]:
        """Look at the parameters before a backward pass; return the rule, once a step has shown it.

        `inputs` are those that the script asks the gradient for, where it names them.
        """
        if self.trains and not self.owning:
            return []
        leaves = leaf_parameters(root) if inputs is None else inputs
        self.leaves = tuple(leaves) if self.owning else ()
        self.lineage.follow(leaves)
        self._passes += 1
        if not self.trains and self.heirs is None:
            self.trains = self._have_changed(leaves) or self._passes > REHEARSALS
        return self._measure()

    def filled(self, returned: Mapping[int, Tensor] | None = None) -> None:
        """After a backward pass: remember what a step will start from.

        `returned` holds the gradients by parameter id where they were returned and not accumulated.
        """
        if self.rate is None and self._passes <= MEASURED:
            given = [p.grad if returned is None else returned.get(id(p)) for p in self.leaves]
            known = [(i, p, g) for i, (p, g) in enumerate(zip(self.leaves, given)) if g is not None and not g.is_sparse]
            self._filled = [(i, p.detach().clone(), grad.detach().clone()) for i, p, grad in known]

    def inherits(self, inputs: Iterable[Tensor]) -> bool:
        """Whether a function's gradient is asked for by what was made of its last one: then those were steps."""
        if self.heirs is not None:
            self.heirs.end()
            self.trains |= self.heirs.include(tuple(inputs))
        return self.trains

    def only_looks(self) -> bool:
        """Whether functions' gradients were asked for, and nothing was trained by them."""
        return self.heirs is not None and not self.inherits(())

    def expect_heirs(self, gradients: Sequence[Tensor]) -> None:
        """Follow what the script makes of a function's gradients, until it is known to train by them."""
        if not self.trains:
            self.heirs = Heirs(gradients)
            if self._passes <= MEASURED or self._passes.bit_count() == 1:  # it may begin to train later
                self.heirs.begin()

    def _measure(self) -> list[Message]:
        """Compare the step that was taken with the gradient: is it plain gradient descent or ascent, and how long?"""
        along = length = moved = 0.0
        size, same = sum(value.numel() for _, value, _ in self._filled), True
        for i, value, grad in self._filled:
            same = same and i < len(self.leaves) and self.leaves[i].shape == value.shape
            if not same:
                break
            step, slope = (self.leaves[i].detach() - value).double(), grad.double()
            along -= float((step * slope).sum())
            length += float(slope.square().sum())
            moved += float(step.square().sum())
        self._filled = []
        if not same or not abs(along) > ALIKE * (length * moved) ** 0.5 > 0:
            return []
        rate, self._seen = self._seen, along / length
        if rate is None or abs(rate - self._seen) > SAME_RATE * abs(rate):
            return []
        self.rate, self.climbs = float(f"{abs(rate):.4g}"), rate < 0
        rule = replace(DESCENT, lr=self.rate, parameters=size, maximize=self.climbs)
        return [Fact.of(rule, 0, BY_HAND)]

    def _have_changed(self, leaves: Sequence[Tensor]) -> bool:
        now = {id(p): (p._version, _sum(p)) for p in leaves[:SAMPLED_PARAMETERS]}
        earlier, self._earlier = self._earlier, now
        if not earlier:
            return False
        common = now.keys() & earlier.keys()
        return not common or any(now[key] != earlier[key] for key in common)


def _sum(parameter: Tensor) -> float:
    return float(parameter.detach().reshape(-1)[:SAMPLED_VALUES].abs().sum())
