"""Data sets whose stored examples change while a loader fetches them, so that each pass receives other examples.

The first examples that a loader fetches are followed. When it fetches them again, the arrays of the data set that have
one entry for each example are compared before and after. The first fetch does not count, because it may fill a cache.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset
from torch.utils.data._utils.fetch import _MapDatasetFetcher

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.dataset_calls import IN_PLACE, CallObserver
from descend.doctor.instrumentation.dataset_code import reading_span
from descend.doctor.instrumentation.frames import call_span
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape.call import call_name

FOLLOWED = 64  # number of examples of a data set that are followed
PARTS = 16  # A tuple of at most so many elements may hold the arrays of a data set.
FETCHES = 8  # number of fetches of followed examples that are compared
Entry = tuple[str, int]  # the name of an array of a data set, and the number of an example


@dataclass
class _Followed:
    """The followed examples of one data set, and how many of their entries have changed in each array."""

    dataset: Any
    examples: set[int] = field(default_factory=set)
    fetches: int = 0
    fetched: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    before: dict[Entry, Tensor] = field(default_factory=dict)  # entries before the present fetch
    memory: set[int] = field(default_factory=set)  # addresses of the memory of the stored tensors


class StoredExamples(ObserverPart):
    """Compares the stored examples of data sets before and after they are fetched again."""

    def __init__(self, observer: Any) -> None:
        super().__init__(observer)
        self._of: dict[int, _Followed] = {}  # by the id of the data set

    @never_raises
    def fetch_begins(self, dataset: Any, indices: Any) -> _Followed | None:
        """Copy the stored entries of those examples that have been fetched before; return None without any."""
        examples = list(indices) if isinstance(indices, list | tuple) else [indices]
        while isinstance(dataset, Subset):
            dataset, examples = dataset.dataset, [dataset.indices[i] for i in examples]
        followed = self._of.setdefault(id(dataset), _Followed(dataset))
        again = followed.examples.intersection(examples)
        if len(followed.examples) < FOLLOWED:
            followed.examples.update(examples[:FOLLOWED])
        if not again or followed.fetches >= FETCHES:
            return None
        followed.fetches += 1
        followed.fetched += len(again)
        arrays = stored_arrays(dataset).items()
        entries = {(name, i): _entry(array, i) for name, array in arrays for i in again}
        followed.before = {key: entry.clone() for key, entry in entries.items() if entry is not None}
        followed.memory = {_memory(entry) for entry in entries.values() if entry is not None}
        return followed

    @never_raises
    def call_seen(self, followed: _Followed, func: Any, args: tuple, frame: FrameType) -> None:
        """Report the place of a torch call that changes a stored tensor in place."""
        name = call_name(func)
        is_in_place = name in IN_PLACE or name.endswith("_") and not name.endswith("__")
        if is_in_place and args and isinstance(args[0], Tensor) and _memory(args[0]) in followed.memory:
            span = call_span(self.observer.modules.tree.in_script(frame))
            self.observer.modules.report_site(SiteKind.TAKEN_ROWS, "changed", span, name.strip("_"))

    @never_raises
    def fetch_ended(self, followed: _Followed) -> None:
        """Report the array in which most of the fetched examples have changed."""
        arrays = stored_arrays(followed.dataset)
        for (name, i), before in followed.before.items():
            after = _entry(arrays[name], i) if name in arrays else None
            if after is not None and after.shape == before.shape and not torch.equal(after, before):
                followed.changed[name] = followed.changed.get(name, 0) + 1
        followed.before = {}
        if followed.changed:
            name = max(followed.changed, key=followed.changed.__getitem__)
            self.observer.modules.report_site(SiteKind.TAKEN_ROWS, "stored", reading_span(followed.dataset, name))
            is_tensor = isinstance(arrays[name][0], Tensor)
            found = facts.ChangedExamples(followed.changed[name], followed.fetched, name, is_tensor)
            self.observer.send([Fact.of(found, self.observer.steps)])


def _memory(tensor: Tensor) -> int:
    """Return the address of a tensor's memory, which tensors made of one NumPy array share, too."""
    return tensor.untyped_storage().data_ptr()


def stored_arrays(dataset: Any) -> dict[str, Any]:
    """Return the attributes of a data set that have one entry for each example, and their names."""
    if not hasattr(dataset, "__len__"):
        return {}
    held = dict(getattr(dataset, "__dict__", {}))
    for name, value in list(held.items()):
        if isinstance(value, tuple) and len(value) <= PARTS:  # a `TensorDataset`, for example
            held.update({f"{name}[{i}]": part for i, part in enumerate(value)})
    count = len(dataset)
    return {name: value for name, value in held.items() if _is_array(value) and len(value) == count}


def _is_array(value: Any) -> bool:
    """Return whether a value is a list, a tuple, or an array or tensor with at least one dimension."""
    return isinstance(value, list | tuple) or hasattr(value, "__array__") and bool(getattr(value, "shape", ()))


def _entry(array: Any, index: int) -> Tensor | None:
    """Return an entry of an array as a tensor, usually without a copy; None if it is no array of several numbers.

    Single numbers do not count, because a data set may count how often it has returned an example.
    """
    try:
        entry = array[index]
        entry = torch.as_tensor(entry) if isinstance(entry, Tensor) or hasattr(entry, "__array__") else None
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    return entry if entry is not None and entry.numel() > 1 else None


@contextmanager
def observing_stored_examples(observer: Any) -> Iterator[None]:
    """Observe inside the `with` block whether data sets change their stored examples."""
    stored, fetch = StoredExamples(observer), _MapDatasetFetcher.fetch

    def observed_fetch(self: Any, possibly_batched_index: Any) -> Any:
        followed = stored.fetch_begins(self.dataset, possibly_batched_index)
        if followed is None:
            return fetch(self, possibly_batched_index)
        with CallObserver(lambda func, args, result, frame: stored.call_seen(followed, func, args, frame)):
            batch = fetch(self, possibly_batched_index)
        stored.fetch_ended(followed)
        return batch

    with patched_attribute(_MapDatasetFetcher, "fetch", observed_fetch):
        yield
