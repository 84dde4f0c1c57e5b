"""What acts next to the loop: schedulers, gradient clipping, dropout rates, losses on held-out data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from descend.doctor.observing.clipping import Clipping, observing_clipping
from descend.doctor.observing.dropout_rates import DropoutRates, observing_dropout
from descend.doctor.observing.evaluation_losses import EvaluationLosses, observing_evaluation_losses
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.schedulers import Schedulers, observing_schedulers
from descend.doctor.record import Listener


class Beside(NamedTuple):
    """Its observers."""

    schedulers: Schedulers
    clipping: Clipping
    dropout: DropoutRates
    losses: EvaluationLosses

    @classmethod
    def of(
        cls, modules: Modules, send: Listener, step: Callable[[], int], measuring: Callable[[], bool], *, judging: bool
    ) -> "Beside":
        """Return the observers of one run; see `EvaluationLosses`."""
        losses = EvaluationLosses(modules, send, step, measuring, judging=judging)
        given = (modules, send, step)
        return cls(Schedulers(*given), Clipping(*given), DropoutRates(*given), losses)

    def finish(self) -> None:
        """Send what is left."""
        self.losses.finish()
        self.clipping.finish()
        self.schedulers.finish()


@contextmanager
def observing_beside_the_loop(beside: Beside) -> Iterator[None]:
    """Report to the observers for as long as the context lasts."""
    losses, dropout = observing_evaluation_losses(beside.losses), observing_dropout(beside.dropout)
    with observing_schedulers(beside.schedulers), observing_clipping(beside.clipping), dropout, losses:
        yield
