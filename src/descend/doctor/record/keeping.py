"""A run's way into the store while it happens, or as a whole.

A store that fails ends no consultation: what was measured is used, and the failure is said at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from descend.doctor.record.reading import Message, Note
from descend.doctor.record.record import Record
from descend.doctor.record.store import Store
from descend.ground.errors import UsageError


@contextmanager
def keeping(store: Store, record: Record) -> Iterator[Callable[[Sequence[Message]], None]]:
    """Enter `record` in the store and yield what takes its messages; its ending is kept on leaving, come what may.

    A store that fails in the middle does not end the run: the record says so in a note. Raises `UsageError` where
    it fails at the first run, when nothing has been measured yet.
    """
    try:
        store.begin(record)
        writer = store.writer(record.run)
    except UsageError as error:
        if not store.has_begun:
            raise
        _note(store, record, str(error))
        yield lambda messages: None
        return
    try:
        yield writer.add
    finally:
        writer.close()
        try:
            store.finish(record)
        except UsageError as error:
            _note(store, record, str(error))
        if writer.failure:
            _note(store, record, writer.failure)


def keep(store: Store, record: Record) -> None:
    """Keep a whole record; the record says so in a note where the store fails."""
    try:
        store.save(record)
    except UsageError as error:
        _note(store, record, str(error))


def _note(store: Store, record: Record, failure: str) -> None:
    store.failure = store.failure or failure
    record.add(Note("store", failure))
