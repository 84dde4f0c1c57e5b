"""A record that is filled by what stands beside the loop, here and now."""

from collections.abc import Iterator
from contextlib import contextmanager

from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.knobs import Knobs, observing_knobs
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Message, Record


class Bench:
    """A record that is filled here and now; the test says which step it is and whether we measure."""

    def __init__(self) -> None:
        self.record, self.step, self.measuring = Record(), 0, False
        modules = Modules(SourceTree(), self.take)
        self.knobs = Knobs(modules, self.take, lambda: self.step, lambda: self.measuring)

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def mistakes(self, error: Exception) -> None:
        raise error


@contextmanager
def bench() -> Iterator[Bench]:
    made = Bench()
    made.knobs.stumbled = made.mistakes
    with observing_knobs(made.knobs):
        yield made
