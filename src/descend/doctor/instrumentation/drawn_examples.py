"""Which examples each data loader draws, and loops over an iterator that an earlier loop has exhausted."""

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import dataloader

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.dataset_calls import observing_dataset_calls
from descend.doctor.instrumentation.dataset_code import indexed_attributes, length_span
from descend.doctor.instrumentation.frames import call_span
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.sampler_weights import sampler_weights
from descend.doctor.record import Fact, SiteKind, facts

EACH = 64  # The draws are reported after each of so many passes, and then after 128, 256, ….


@dataclass
class _Draws:
    """The draws of one loader."""

    number: str  # of the loader
    drawn: bytearray  # 1 for each example that has been drawn
    promised: int  # number of different examples that the sampler can draw in one epoch
    draws: int = 0
    passes: int = 0
    empty: int = 0  # largest number of loops over one exhausted iterator

    @property
    def fact(self) -> facts.DrawnExamples:
        """The draws so far."""
        distinct = self.drawn.count(1)
        return facts.DrawnExamples(len(self.drawn), self.promised, distinct, self.draws, self.passes, self.empty)


class DrawnExamples(ObserverPart):
    """Counts the examples that data loaders draw from map-style data sets."""

    def __init__(self, observer: Observer) -> None:
        super().__init__(observer)
        self._of_loaders: dict[str, _Draws | None] = {}  # None for a loader whose examples have no numbers
        self._of_iterators: weakref.WeakKeyDictionary[Any, _Draws | None] = weakref.WeakKeyDictionary()
        # iterator -> how often it has shown that it is at its end
        self._ends: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    @never_raises
    def indices_drawn(self, iterator: Any, indices: Any) -> None:
        """Count the indices of a batch, or a single index of a loader without batches."""
        draws = self._draws_of(iterator)
        if draws is None:
            return
        try:
            for index in indices if isinstance(indices, list | tuple) else [indices]:
                draws.drawn[index] = 1
                draws.draws += 1
        except (TypeError, IndexError):  # The sampler draws names, or more numbers than the data set counts.
            self._of_loaders[draws.number] = self._of_iterators[iterator] = None

    @never_raises
    def pass_ended(self, iterator: Any) -> None:
        """Report the draws at the end of a pass; count a loop over an iterator that was exhausted before."""
        draws = self._draws_of(iterator)
        if draws is None:
            return
        ends = self._ends[iterator] = self._ends.get(iterator, 0) + 1
        if ends > 1:
            # A prefetcher asks each iterator for a batch once more, so the ends of several iterators are not added.
            draws.empty = max(draws.empty, ends - 1)
            span = call_span(self.observer.modules.tree.in_script(sys._getframe(1)))
            # The span is that of the whole loop, which may end with another call.
            loop = None if span is None else replace(span, operator=True)
            self.observer.modules.report_site(SiteKind.EXHAUSTED, draws.number, loop)
        else:
            draws.passes += 1
        count = draws.passes + draws.empty
        if count <= EACH or count & (count - 1) == 0:
            self.observer.send([Fact.of(draws.fact, self.observer.steps, draws.number)])

    def _report_weights(self, number: str, iterator: Any) -> None:
        """Report the weights of the classes in a sampler with weights."""
        weights = sampler_weights(_sampler(iterator), iterator._dataset)
        if weights is not None:
            self.observer.send([Fact.of(weights, self.observer.steps, number)])

    def _report_length(self, number: str, dataset: Any) -> None:
        """Report an array that a data set reads by its index if the array has far more entries than the data set."""
        for name in indexed_attributes(dataset):
            array: Any = getattr(dataset, name, ())
            entries = len(array) if hasattr(array, "__len__") else 0
            if entries > len(dataset):
                self.observer.modules.report_site(SiteKind.LENGTH, number, length_span(dataset))
                found = facts.ShortLength(name, entries, len(dataset))
                self.observer.send([Fact.of(found, self.observer.steps, number)])
                return

    def _draws_of(self, iterator: Any) -> _Draws | None:
        """Return the draws of an iterator's loader; None if its examples have no numbers."""
        if iterator not in self._of_iterators:
            number = self.observer.loaders.key(iterator)
            if number is not None and number not in self._of_loaders:
                self._of_loaders[number] = _new_draws(number, iterator)
                self._report_weights(number, iterator)
                self._report_length(number, iterator._dataset)
            self._of_iterators[iterator] = None if number is None else self._of_loaders[number]
        return self._of_iterators[iterator]


def _new_draws(number: str, iterator: Any) -> _Draws | None:
    """Return the empty count of a loader's draws; None if the data set has no length."""
    if iterator._dataset_kind == dataloader._DatasetKind.Iterable or not hasattr(iterator._dataset, "__len__"):
        return None
    size, sampler = len(iterator._dataset), _sampler(iterator)
    # A sampler of a subset has its indices, and one of several processes draws a share of the data.
    part = getattr(sampler, "indices", None) if not hasattr(sampler, "num_replicas") else range(len(sampler))
    return _Draws(number, bytearray(size), size if part is None else min(size, len(part)))


def _sampler(iterator: Any) -> Any:
    """Return the sampler that draws single examples for an iterator of a loader."""
    return getattr(iterator._index_sampler, "sampler", iterator._index_sampler)


@contextmanager
def observing_loaders(observer: Observer) -> Iterator[None]:
    """Observe inside the `with` block which examples loaders draw, and how data sets change their first examples."""
    owner, draws = dataloader._BaseDataLoaderIter, DrawnExamples(observer)
    next_index, next_batch = owner._next_index, owner.__dict__["__next__"]

    def _next_index(self: Any) -> Any:
        indices = next_index(self)
        draws.indices_drawn(self, indices)
        return indices

    def __next__(self: Any) -> Any:
        try:
            return next_batch(self)
        except StopIteration:
            draws.pass_ended(self)
            raise

    with (
        patched_attribute(owner, "_next_index", _next_index),
        patched_attribute(owner, "__next__", __next__),
        observing_dataset_calls(observer),
    ):
        yield
