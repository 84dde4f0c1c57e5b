"""What stands beside the loop: schedulers, gradient clipping, losses on held-out data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from descend.doctor.observing.clipping import Clipping, observing_clipping
from descend.doctor.observing.evaluation_losses import EvaluationLosses, observing_evaluation_losses
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.schedulers import Schedulers, observing_schedulers
from descend.doctor.record import Listener


class Beside(NamedTuple):
    """The three that are told of it."""

    schedulers: Schedulers
    clipping: Clipping
    losses: EvaluationLosses

    @classmethod
    def of(
        cls, modules: Modules, send: Listener, step: Callable[[], int], measuring: Callable[[], bool], *, judging: bool
    ) -> "Beside":
        """Return the three of one run; see `EvaluationLosses`."""
        losses = EvaluationLosses(modules, send, step, measuring, judging=judging)
        return cls(Schedulers(modules, send, step), Clipping(modules, send, step), losses)

    def finish(self) -> None:
        """Send what is left."""
        self.losses.finish()
        self.schedulers.finish()


@contextmanager
def observing_beside_the_loop(beside: Beside) -> Iterator[None]:
    """Report to the three for as long as the context lasts."""
    losses = observing_evaluation_losses(beside.losses)
    with observing_schedulers(beside.schedulers), observing_clipping(beside.clipping), losses:
        yield
