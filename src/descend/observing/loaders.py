"""The script's data loaders: which one a batch comes from, and whether it draws an order of its own."""

import weakref
from typing import Any

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from descend.record import Fact, Listener


class Loaders:
    """Each loader by the number that its place in the source goes by."""

    def __init__(self, send: Listener) -> None:
        self._send = send
        self._made: list[tuple[weakref.ref[DataLoader], str]] = []

    def made(self, loader: DataLoader, number: str) -> None:
        """Remember a new loader, and tell how many examples it holds and whether nobody else knows its order."""
        sampler = loader.sampler
        shuffles = isinstance(sampler, RandomSampler) and sampler.generator is None
        examples = len(sampler) if isinstance(sampler, RandomSampler | SequentialSampler) else None
        detail = {"shuffles": shuffles, "batch_size": loader.batch_size, "examples": examples}
        self._send([Fact("loader", number, 0, detail)])
        self._made.append((weakref.ref(loader), number))

    def loader(self, number: str) -> DataLoader | None:
        """Return the loader that goes by a number, as long as the script has it."""
        return next((made() for made, known in reversed(self._made) if known == number and made() is not None), None)

    def key(self, iterator: Any) -> str | None:
        """Return the number of the loader that an iterator goes over."""
        for made, number in self._made:
            loader = made()
            if loader is not None and loader._index_sampler is iterator._index_sampler:
                return number
        return None
