"""Which optimizers work against each other, or at least not for the same loss: the steps of one move another's loss.

A GAN's two take turns, and what the generator descends is made by the critic that is stepped on another loss. Seen
in the order of passes and steps: a loss that reaches what another optimizer holds, which clears that gradient and
steps on a loss of its own, in between. One that steps on the same pass is no opponent, and neither is one that steps
only before or after all steps of the other.
"""

from collections.abc import Iterable, Mapping

from descend.doctor.record import Fact, Listener, facts


class Opponents:
    """Learns it from the events of a run, and sends the fact `opponents` of each once."""

    def __init__(self, send: Listener = lambda messages: None) -> None:
        self.send = send
        self._steps = 0  # of all together
        self._since: dict[str, set[str]] = {}  # who has stepped since the last step of each
        self._between: set[tuple[str, str]] = set()  # (of whom, who has stepped between two of its steps)
        self._moved: set[tuple[str, str]] = set()  # (whose loss is made with parameters, of whom)
        self._together: set[frozenset[str]] = set()  # those that have stepped on one pass
        self._told: set[frozenset[str]] = set()

    def begins(self, key: str, after: Mapping[str, int]) -> None:
        """Say of the first step of one how many the others have taken before it."""
        self.send([Fact.of(facts.FirstStep(dict(after)), self._steps, key)])

    def stepped(self, key: str) -> None:
        """Take note of a step."""
        self._between |= {(key, other) for other in self._since.get(key, ())}
        self._since[key], self._steps = set(), self._steps + 1
        for other, since in self._since.items():
            if other != key:
                since.add(key)
        self._tell()

    def moved(self, key: str, others: Iterable[str]) -> None:
        """Take note that the loss of one is made with parameters that others hold."""
        self._moved |= {(key, other) for other in others if other != key}

    def together(self, key: str, others: Iterable[str]) -> None:
        """Take note of optimizers that step on the same pass: they go down the same loss."""
        self._together |= {frozenset((key, other)) for other in others if other != key}

    def _tell(self) -> None:
        for one, other in self._moved & self._between:
            pair = frozenset((one, other))
            if pair not in self._together and pair not in self._told:
                self._told.add(pair)
                of = ((one, other), (other, one))
                self.send([Fact.of(facts.Opponents(theirs), self._steps, mine) for mine, theirs in of])
