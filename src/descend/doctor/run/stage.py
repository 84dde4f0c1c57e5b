"""Lets through what a script does before the stage that is looked at."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from torch.optim import Optimizer

from descend.doctor.observing.bare_run import BareRun, counting
from descend.doctor.observing.hooks import noting_makers
from descend.doctor.observing.observer import Observer


@contextmanager
def waiting(stage: int, observer: Observer, observe: Callable[[ExitStack], None]) -> Iterator[None]:
    """Count steps, and note what is made and loaded where, until the stage's optimizer is; then `observe`."""
    bare_run = BareRun(observer.modules.tree)
    bare_run.stage = stage
    with ExitStack() as whole:
        before = whole.enter_context(ExitStack())
        before.enter_context(counting(bare_run))
        before.enter_context(noting_makers(observer))

        def begin(optimizer: Optimizer, frame: FrameType | None) -> None:
            before.close()
            observe(whole)
            observer.optimizer_made(optimizer, frame)

        bare_run.stage_begins = begin
        yield
