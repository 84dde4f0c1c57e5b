"""Find the torch calls that a data set applies to its examples while a loader fetches a batch.

The first batches of each loader are observed, only in the script's own process and not in worker processes.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.data import dataloader

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.frames import CallSpan, call_span
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape.call import call_name

BATCHES = 4  # number of observed batches of a loader; a random augmentation changes some example in them
MOST = 8  # Calls of at most this many places in the source are reported.
IN_PLACE = frozenset("add_ sub_ mul_ div_ __iadd__ __isub__ __imul__ __itruediv__".split())


class CallObserver(TorchFunctionMode):
    """Calls `seen` with the function, arguments, result and frame of each torch call."""

    def __init__(self, seen: Callable[[Any, tuple, Any, FrameType], None]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.seen(func, args, result, sys._getframe(1))
        return result


def _changes_values_only(name: str, given: Tensor, result: Tensor) -> bool:
    """Return whether a torch call changes a tensor's values but not its shape, so the script also runs without it."""
    if result is given:  # An in-place call has overwritten its input, so only its name can be checked.
        return name in IN_PLACE
    alike = result.shape == given.shape and result.dtype == given.dtype != torch.bool
    return alike and bool(given.ndim) and not torch.equal(result, given)


class DatasetCalls(ObserverPart):
    """Collects the torch calls with which data sets change examples while a loader fetches a batch."""

    def __init__(self, observer: Observer) -> None:
        super().__init__(observer)
        # number of the loader -> place in the source -> name of the torch call
        self._calls: dict[str, dict[CallSpan, str]] = {}
        self._batches: dict[str, int] = {}
        self._now = ""  # number of the loader that is fetching a batch
        self._reported: set[CallSpan] = set()

    @never_raises
    def fetch_begins(self, iterator: Any) -> CallObserver | None:
        """Return a function mode that observes the loader's next batch; None if enough batches were observed."""
        number = self.observer.loaders.key(iterator)
        if number is None or self._batches.get(number, 0) == BATCHES:
            return None
        self._now, self._batches[number] = number, self._batches.get(number, 0) + 1
        self._calls.setdefault(number, {})
        return CallObserver(self._record_call)

    @never_raises
    def _record_call(self, func: Any, args: tuple, result: Any, frame: FrameType) -> None:
        """Store the place in the source of a torch call that changes the values of an example."""
        given, name = args[0] if args else None, call_name(func)
        if isinstance(given, Tensor) and isinstance(result, Tensor) and _changes_values_only(name, given, result):
            span = call_span(self.observer.modules.tree.in_script(frame))
            if span is not None:
                self._calls[self._now].setdefault(span, name.removeprefix("__i").strip("_"))

    @never_raises
    def fetch_ended(self) -> None:
        """Report the calls that only training loaders make, once a loader for evaluation has fetched a batch.

        Before that, nothing is reported, because the evaluation may make the same calls.
        """
        trained = {n for recording in self.observer.probe_runner.monitor for n in recording.loaders.values()}
        if not trained or self._now in trained:
            return
        others = {span for n, calls in self._calls.items() if n not in trained for span in calls} | self._reported
        own = [each for n in sorted(trained) for each in self._calls.get(n, {}).items() if each[0] not in others]
        for span, name in own[: MOST - len(self._reported)]:
            key = str(len(self._reported))
            self._reported.add(span)
            self.observer.modules.report_site(SiteKind.ON_FETCHED, key, span, name)
            call = facts.OnFetched(function=name, line=span.line, edit="skip")
            self.observer.send([Fact.of(call, self.observer.steps, key)])


@contextmanager
def observing_dataset_calls(observer: Observer) -> Iterator[None]:
    """Observe the torch calls with which data sets change their examples inside the `with` block."""
    owner = dataloader._BaseDataLoaderIter
    with patched_attribute(owner, "__next__", _wrap_next(owner.__dict__["__next__"], DatasetCalls(observer))):
        yield


def _wrap_next(original: Any, dataset_calls: DatasetCalls) -> Any:
    """Return a wrapper of a loader iterator's `__next__` that observes the torch calls of the data set."""

    def __next__(self: Any) -> Any:
        calls = dataset_calls.fetch_begins(self)
        if calls is None:
            return original(self)
        with calls:
            batch = original(self)
        dataset_calls.fetch_ended()
        return batch

    return __next__
