"""A record that is filled by what stands beside the loop, here and now."""

from collections.abc import Iterator
from contextlib import contextmanager

from descend.doctor.observing.beside_the_loop import Beside, observing_beside_the_loop
from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Message, Record


class Bench:
    """A record that is filled here and now; the test says which step it is and whether we measure."""

    def __init__(self) -> None:
        self.record, self.step, self.measuring = Record(), 0, False
        modules = Modules(SourceTree(), self.take)
        self.beside = Beside.of(modules, self.take, lambda: self.step, lambda: self.measuring, judging=True)
        for part in self.beside:
            part.stumbled = self.mistakes

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def finish(self) -> None:
        self.beside.finish()

    def mistakes(self, error: Exception) -> None:
        raise error


@contextmanager
def bench() -> Iterator[Bench]:
    made = Bench()
    with observing_beside_the_loop(made.beside):
        yield made
