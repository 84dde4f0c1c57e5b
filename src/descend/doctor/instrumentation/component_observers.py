"""Observers of the parts around the training step: schedulers, gradient clipping, dropout rates, evaluation losses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from descend.doctor.instrumentation.clipping import Clipping, observing_clipping
from descend.doctor.instrumentation.dropout_rates import DropoutRates, observing_dropout
from descend.doctor.instrumentation.evaluation_losses import EvaluationLosses, observing_evaluation_losses
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.schedulers import Schedulers, observing_schedulers
from descend.doctor.record import Listener


class ComponentObservers(NamedTuple):
    """The observers of schedulers, gradient clipping, dropout rates and evaluation losses in one run."""

    schedulers: Schedulers
    clipping: Clipping
    dropout: DropoutRates
    losses: EvaluationLosses

    @classmethod
    def create(
        cls,
        modules: Modules,
        send: Listener,
        step: Callable[[], int],
        measuring: Callable[[], bool],
        is_between_step_and_pass: Callable[[], bool] = lambda: False,
        *,
        with_metric: bool,
    ) -> "ComponentObservers":
        """Create the observers of one run, with the same arguments as `EvaluationLosses` and `Clipping`."""
        losses = EvaluationLosses(modules, send, step, measuring, with_metric=with_metric)
        given = (modules, send, step)
        return cls(
            Schedulers(*given, measuring), Clipping(*given, is_between_step_and_pass), DropoutRates(*given), losses
        )

    def finish(self) -> None:
        """Send the values that the observers have collected and not sent yet."""
        self.losses.finish()
        self.clipping.finish()
        self.schedulers.finish()


@contextmanager
def observing_components(components: ComponentObservers) -> Iterator[None]:
    """Report the script's calls to the observers inside the `with` block."""
    losses, dropout = observing_evaluation_losses(components.losses), observing_dropout(components.dropout)
    with observing_schedulers(components.schedulers), observing_clipping(components.clipping), dropout, losses:
        yield
