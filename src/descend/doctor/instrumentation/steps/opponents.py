"""Find optimizers that work against each other, such as those of a GAN: the steps of one change the loss of the other.

The order of passes and steps shows this. An optimizer's loss depends on parameters of another optimizer, which clears
those gradients and steps on its own loss in between. Two optimizers that step on the same pass are no opponents, and
neither are two of which one finishes before the other begins.
"""

from collections.abc import Iterable, Mapping

from descend.doctor.record import Fact, Listener, facts


class Opponents:
    """Finds pairs of optimizers that work against each other, such as those of a GAN, and reports each pair once."""

    def __init__(self, send: Listener = lambda messages: None) -> None:
        self.send = send
        self._steps = 0  # number of steps of all optimizers together
        self._since: dict[str, set[str]] = {}  # optimizer -> optimizers that have stepped since its last step
        self._between: set[tuple[str, str]] = set()  # (a, b): optimizer b has stepped between two steps of a
        self._moved: set[tuple[str, str]] = set()  # (a, b): the loss of optimizer a depends on parameters of b
        self._together: set[frozenset[str]] = set()  # pairs of optimizers that step on the same backward pass
        self._reported: set[frozenset[str]] = set()

    def report_first_step(self, key: str, after: Mapping[str, int]) -> None:
        """Report how many steps the other optimizers had taken before an optimizer's first step."""
        self.send([Fact.of(facts.FirstStep(dict(after)), self._steps, key)])

    def record_step(self, key: str) -> None:
        """Record a step of an optimizer, and report new pairs of opponents."""
        self._between |= {(key, other) for other in self._since.get(key, ())}
        self._since[key], self._steps = set(), self._steps + 1
        for other, since in self._since.items():
            if other != key:
                since.add(key)
        self._send_new_pairs()

    def record_dependence(self, key: str, others: Iterable[str]) -> None:
        """Record that the loss of one optimizer depends on parameters of other optimizers."""
        self._moved |= {(key, other) for other in others if other != key}

    def record_shared_pass(self, key: str, others: Iterable[str]) -> None:
        """Record that optimizers step on the same backward pass, so that they minimise the same loss."""
        self._together |= {frozenset((key, other)) for other in others if other != key}

    def _send_new_pairs(self) -> None:
        """Send each pair of opponents that has not been sent yet."""
        for one, other in self._moved & self._between:
            pair = frozenset((one, other))
            if pair not in self._together and pair not in self._reported:
                self._reported.add(pair)
                of = ((one, other), (other, one))
                self.send([Fact.of(facts.Opponents(theirs), self._steps, mine) for mine, theirs in of])
