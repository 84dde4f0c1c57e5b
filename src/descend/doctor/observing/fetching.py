"""By which calls a data set makes its examples: what torch does to a tensor while a loader fetches a batch.

The first batches of each loader are looked at, in the script's own process; workers are others.
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

from descend.doctor.observing.frames import CallSpan, call_span
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.replacing import replaced
from descend.doctor.record import Fact, facts
from descend.doctor.tape.call import call_name

BATCHES = 4  # of each loader: what is done to an example at random is done to one of them
MOST = 8  # places
IN_PLACE = frozenset("add_ sub_ mul_ div_ __iadd__ __isub__ __imul__ __itruediv__".split())


class _Calls(TorchFunctionMode):
    """Shows each call of torch, with what it is given first and what comes of it."""

    def __init__(self, seen: Callable[[Any, tuple, Any, FrameType], None]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.seen(func, args, result, sys._getframe(1))
        return result


def _is_change(name: str, given: Tensor, result: Tensor) -> bool:
    """Whether a call leaves a tensor's shape as it is, and its values not: without it an example is still one."""
    if result is given:  # changed in place: what it was is gone
        return name in IN_PLACE
    alike = result.shape == given.shape and result.dtype == given.dtype != torch.bool
    return alike and bool(given.ndim) and not torch.equal(result, given)


class Fetching:
    """Which calls make the examples of each loader of the run that `watch` observes."""

    def __init__(self, watch: Observer) -> None:
        self.watch = watch
        self._calls: dict[str, dict[CallSpan, str]] = {}  # by the loader's number
        self._batches: dict[str, int] = {}
        self._now = ""  # which loader is at work
        self._told: set[CallSpan] = set()

    @property
    def inert(self) -> bool:
        """Whether nothing is to be seen: in a forked process, and while something is measured."""
        return self.watch.inert or self.watch.examiner.budget.is_spending

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake of ours."""
        self.watch.stumbled(error)

    @harmless
    def begins(self, iterator: Any) -> _Calls | None:
        """Return what sees the calls of the next batch; None where enough was seen."""
        number = self.watch.loaders.key(iterator)
        if number is None or self._batches.get(number, 0) == BATCHES:
            return None
        self._now, self._batches[number] = number, self._batches.get(number, 0) + 1
        self._calls.setdefault(number, {})
        return _Calls(self._seen)

    @harmless
    def _seen(self, func: Any, args: tuple, result: Any, frame: FrameType) -> None:
        given, name = args[0] if args else None, call_name(func)
        if isinstance(given, Tensor) and isinstance(result, Tensor) and _is_change(name, given, result):
            span = call_span(self.watch.modules.tree.in_script(frame))
            if span is not None:
                self._calls[self._now].setdefault(span, name.removeprefix("__i").strip("_"))

    @harmless
    def ended(self) -> None:
        """Tell, when a loader that is not trained on has given a batch, which calls only those of the training make.

        Where no other loader gives anything, what the script measures itself by may come by the same calls.
        """
        trained = {n for recording in self.watch.examiner.monitor for n in recording.loaders.values()}
        if not trained or self._now in trained:
            return
        others = {span for n, calls in self._calls.items() if n not in trained for span in calls} | self._told
        own = [each for n in sorted(trained) for each in self._calls.get(n, {}).items() if each[0] not in others]
        for span, name in own[: MOST - len(self._told)]:
            key = str(len(self._told))
            self._told.add(span)
            self.watch.modules.note_site("on_fetched", key, span, name)
            call = facts.OnFetched(function=name, line=span.line, edit="skip")
            self.watch.send([Fact.of(call, self.watch.steps, key)])


@contextmanager
def watching_fetches(watch: Observer) -> Iterator[None]:
    """See how data sets make examples for as long as the context lasts."""
    owner = dataloader._BaseDataLoaderIter
    with replaced(owner, "__next__", _next(owner.__dict__["__next__"], Fetching(watch))):
        yield


def _next(original: Any, fetching: Fetching) -> Any:
    def __next__(self: Any) -> Any:
        calls = fetching.begins(self)
        if calls is None:
            return original(self)
        with calls:
            batch = original(self)
        fetching.ended()
        return batch

    return __next__
