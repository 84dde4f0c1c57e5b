"""Storing a run, either while it happens or afterwards as a whole.

A failing store does not end a consultation: the measurements are used, and the failure is reported at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from descend.core.errors import UsageError
from descend.doctor.record.messages import Message, Note
from descend.doctor.record.record import Record
from descend.doctor.record.store import Store


@contextmanager
def recording(store: Store, record: Record) -> Iterator[Callable[[Sequence[Message]], None]]:
    """Add a run to the store, and store its messages during the `with` block and its ending afterwards.

    Yields the function that stores messages. A store that fails later does not end the run: a note in the record says
    so. Raises `UsageError` if the store fails at the first run, when nothing has been measured yet.
    """
    try:
        store.begin(record)
        writer = store.writer(record.run)
    except UsageError as error:
        if not store.has_begun:
            raise
        _note_failure(store, record, str(error))
        yield lambda messages: None
        return
    try:
        yield writer.add
    finally:
        writer.close()
        try:
            store.finish(record)
        except UsageError as error:
            _note_failure(store, record, str(error))
        if writer.failure:
            _note_failure(store, record, writer.failure)


def store_record(store: Store, record: Record) -> None:
    """Store the record of a finished run. If this fails, add a note to the record."""
    try:
        store.save(record)
    except UsageError as error:
        _note_failure(store, record, str(error))


def store_parent(store: Store, runs: Sequence[int], record: Record) -> None:
    """Store that runs belong to the run of a record. If this fails, add a note to the record."""
    try:
        store.set_parent(runs, record.run)
    except UsageError as error:
        _note_failure(store, record, str(error))


def _note_failure(store: Store, record: Record, failure: str) -> None:
    """Set the reason why a part of the record could not be stored, in `store.failure` and in a note."""
    store.failure = store.failure or failure
    record.add(Note("store", failure))
