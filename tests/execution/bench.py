"""A record for tests of the component observers."""

from collections.abc import Iterator
from contextlib import contextmanager

from descend.doctor.instrumentation.component_observers import ComponentObservers, observing_components
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Message, Record


class Bench:
    """Component observers that write into a record; the test sets the step and whether a probe is running."""

    def __init__(self) -> None:
        self.record, self.step, self.measuring = Record(), 0, False
        modules = Modules(SourceTree(), self.take)
        self.components = ComponentObservers.create(
            modules, self.take, lambda: self.step, lambda: self.measuring, with_metric=True
        )
        for part in self.components:
            part.on_internal_error = self.mistakes

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def finish(self) -> None:
        self.components.finish()

    def mistakes(self, error: Exception) -> None:
        raise error


@contextmanager
def bench() -> Iterator[Bench]:
    made = Bench()
    with observing_components(made.components):
        yield made
