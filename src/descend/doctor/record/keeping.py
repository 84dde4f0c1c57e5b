"""A run's way into the store while it happens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from descend.doctor.record.reading import Message, Note
from descend.doctor.record.record import Record
from descend.doctor.record.store import Store
from descend.ground.errors import UsageError


@contextmanager
def keeping(store: Store, record: Record) -> Iterator[Callable[[Sequence[Message]], None]]:
    """Enter `record` in the store and yield what takes its messages; its ending is kept on leaving, come what may.

    A store that fails in the middle does not end the run: the record says so in a note.
    """
    store.begin(record)
    writer = store.writer(record.run)
    try:
        yield writer.add
    finally:
        writer.close()
        try:
            store.finish(record)
        except UsageError as error:
            record.add(Note("store", str(error)))
        if writer.failure:
            record.add(Note("store", writer.failure))
