"""The script's data loaders: which one a batch comes from, and whether it draws an order of its own."""

import weakref
from collections.abc import Callable
from typing import Any

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from descend.doctor.record import Fact, Listener, facts

Weak = Callable[[], Any]  # what is held, or None where it is gone


class Loaders:
    """Each loader by the number that its place in the source goes by."""

    def __init__(self, send: Listener) -> None:
        self._send = send
        self._made: list[tuple[Weak, Weak, str]] = []  # the loader, what draws its batches, and its number

    def made(self, loader: DataLoader, number: str) -> None:
        """Remember a new loader, and tell how many examples it holds and whether nobody else knows its order."""
        sampler = loader.sampler
        shuffles = isinstance(sampler, RandomSampler) and sampler.generator is None
        examples = len(sampler) if isinstance(sampler, RandomSampler | SequentialSampler) else None
        self._send([Fact.of(facts.Loader(shuffles, loader.batch_size, examples, loader.drop_last), 0, number)])
        self._made = [known for known in self._made if known[0]() is not None or known[1]() is not None]
        self._made.append((_weak(loader), _weak(loader._index_sampler), number))

    def loader(self, number: str) -> DataLoader | None:
        """Return the loader that goes by a number, as long as the script has it."""
        known = (made() for made, _, of in reversed(self._made) if of == number)
        return next((loader for loader in known if loader is not None), None)

    def key(self, iterator: Any) -> str | None:
        """Return the number of the loader that an iterator goes over.

        `for batch in DataLoader(…)` lets go of the loader at once: the iterator has what draws its batches.
        """
        for made, sampler, number in self._made:
            loader = made()
            drawn_by = sampler() if loader is None else loader._index_sampler
            if drawn_by is not None and drawn_by is iterator._index_sampler:
                return number
        return None


def _weak(held: Any) -> Weak:
    try:
        return weakref.ref(held)
    except TypeError:  # a list that is a sampler
        return lambda: None
