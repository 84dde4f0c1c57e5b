"""A run's way into the store while it happens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from descend.record.reading import Message, Note
from descend.record.record import Record
from descend.record.store import Store


@contextmanager
def keeping(store: Store, record: Record) -> Iterator[Callable[[Sequence[Message]], None]]:
    """Enter `record` in the store and yield what takes its messages; its ending is kept on leaving, come what may."""
    store.begin(record)
    with store.writer(record.run) as writer:
        try:
            yield writer.add
        finally:
            if writer.failure:
                record.add(Note("store", writer.failure))
    store.finish(record)
