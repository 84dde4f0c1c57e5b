"""The script's data loaders: the loader of each batch, and whether it shuffles with the global random generator."""

import weakref
from collections.abc import Callable
from typing import Any

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from descend.doctor.record import Fact, Listener, facts

Weak = Callable[[], Any]  # A `Weak` is a function that returns its object, or None if the object has been freed.


class Loaders:
    """The script's data loaders. The number of a loader identifies the place in the source that creates it."""

    def __init__(self, send: Listener) -> None:
        self._send = send
        # (loader, batch sampler of the loader, number of the loader) for each loader
        self._made: list[tuple[Weak, Weak, str]] = []

    def add(self, loader: DataLoader, number: str) -> None:
        """Register a new loader; report its size and whether it shuffles with the global random generator."""
        sampler = loader.sampler
        shuffles = isinstance(sampler, RandomSampler) and sampler.generator is None
        examples = len(sampler) if isinstance(sampler, RandomSampler | SequentialSampler) else None
        self._send([Fact.of(facts.Loader(shuffles, loader.batch_size, examples, loader.drop_last), 0, number)])
        self._made = [known for known in self._made if known[0]() is not None or known[1]() is not None]
        self._made.append((_weak_reference(loader), _weak_reference(loader._index_sampler), number))

    def loader(self, number: str) -> DataLoader | None:
        """Return the loader with this number; None if the script has freed it."""
        known = (made() for made, _, of in reversed(self._made) if of == number)
        return next((loader for loader in known if loader is not None), None)

    def key(self, iterator: Any) -> str | None:
        """Return the number of the loader that an iterator belongs to; None if it is unknown.

        `for batch in DataLoader(…)` frees the loader at once, but the iterator keeps the loader's batch sampler.
        """
        for made, sampler, number in self._made:
            loader = made()
            drawn_by = sampler() if loader is None else loader._index_sampler
            if drawn_by is not None and drawn_by is iterator._index_sampler:
                return number
        return None


def _weak_reference(held: Any) -> Weak:
    """Return a weak reference to an object. If its type does not support these, return a function that returns None."""
    try:
        return weakref.ref(held)
    except TypeError:  # A plain list may be a sampler, but it does not support weak references.
        return lambda: None
