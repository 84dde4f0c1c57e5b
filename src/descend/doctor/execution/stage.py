"""Start the observation only with the training stage that is examined."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from torch.optim import Optimizer

from descend.doctor.instrumentation.hooks import observing_constructors
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.step_counter import StepCounter, counting_steps


@contextmanager
def observe_from_stage(stage: int, observer: Observer, observe: Callable[[ExitStack], None]) -> Iterator[None]:
    """Call `observe` when the optimizer of a training stage is created.

    Before that, only steps are counted and constructor calls recorded.
    """
    step_counter = StepCounter(observer.modules.tree)
    step_counter.stage = stage
    with ExitStack() as whole:
        before = whole.enter_context(ExitStack())
        before.enter_context(counting_steps(step_counter))
        before.enter_context(observing_constructors(observer))

        def begin(optimizer: Optimizer, frame: FrameType | None) -> None:
            """Start the full observation, because the stage's optimizer was created."""
            before.close()
            observe(whole)
            observer.optimizer_made(optimizer, frame)

        step_counter.stage_begins = begin
        yield
