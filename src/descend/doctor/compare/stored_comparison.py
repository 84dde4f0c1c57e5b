"""The points and runs of a comparison in the store's folder, so that the same command goes on after an interruption.

They are in a journal of Optuna: each line is one operation, which is on the disk before the next run is planned. If a
process is killed, only the runs that had not ended are lost. A complete comparison is kept, so that the same command
prints the same result at once.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from descend.core.errors import UsageError, reason_of
from descend.core.json_lines import delete_incomplete_line
from descend.core.regular_files import is_link_or_special
from descend.doctor.compare.choice import Choice, Values
from descend.doctor.compare.choice_search import ChoiceSearch
from descend.doctor.compare.journal import Journal
from descend.doctor.compare.model import import_optuna
from descend.doctor.record import Record
from descend.doctor.record.decoding import DECODING_ERRORS, as_type
from descend.doctor.record.store import Store
from descend.doctor.redaction.private import FILE, make_folder

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FOLDER = "comparisons"  # folder in the store's folder
RUNS = "runs"  # name of the Optuna study whose attributes are the numbers of the runs on fresh seeds
SEARCH = "search: {}"  # name of the Optuna study of a choice's search


def run_label(choice: Choice, values: Values) -> str:
    """Return the label under which the runs of a choice with these values are stored."""
    return " ".join([choice.label, *(f"{name}={value!r}" for name, value in values.items())])


class StoredComparison:
    """The searches of a comparison and the numbers of its runs in the store. At most one process uses it at a time."""

    def __init__(self, storage: "BaseStorage", where: str = "the comparison in memory") -> None:
        self._storage, self._where = storage, where
        optuna = import_optuna()
        self._runs = optuna.create_study(storage=storage, study_name=RUNS, load_if_exists=True)

    @classmethod
    def in_memory(cls) -> "StoredComparison":
        """Return a comparison that is not stored."""
        return cls(import_optuna().storages.InMemoryStorage())

    def search_of(self, choice: Choice, seed: int) -> ChoiceSearch:
        """Return the search for a choice, with the results of earlier commands."""
        name = SEARCH.format(choice.label)
        trials = import_optuna().create_study(storage=self._storage, study_name=name, load_if_exists=True)
        with _reporting_damage(self._where):
            return ChoiceSearch(choice, trials, seed)

    def note_run(self, label: str, seed: int, run: int) -> None:
        """Store the number of the run of a choice with a seed. label: the choice's label, or `CURRENT`."""
        if run:  # A run that the store could not accept has the number 0.
            self._runs.set_user_attr(json.dumps([label, seed]), run)

    @property
    def run_numbers(self) -> set[int]:
        """The numbers in the store of all runs on fresh seeds, and of the unchanged script."""
        with _reporting_damage(self._where):
            return {*as_type(dict[str, int], self._runs.user_attrs, "runs").values()}

    def runs_of(self, label: str) -> dict[int, int]:
        """Return the numbers of the runs of a choice by seed. label: the choice's label, or `CURRENT`."""
        with _reporting_damage(self._where):
            keys = {key: as_type(tuple[str, int], json.loads(key), "run") for key in self._runs.user_attrs}
            numbers = as_type(dict[str, int], self._runs.user_attrs, "runs")
            return {seed: numbers[key] for key, (name, seed) in keys.items() if name == label}

    def load_run(self, label: str, seed: int, store: Store) -> Record | None:
        """Return the record of a run that was noted; None if it was not, or is no longer in the store."""
        run = self.runs_of(label).get(seed)
        try:
            record = None if run is None else store.load(run)
        except UsageError:
            return None
        return record if record is not None and record.ending is not None and record.seed == seed else None


@contextmanager
def open_comparison(store: Store, key: str, *, fresh: bool = False) -> Iterator[StoredComparison]:
    """Open a comparison in the store's folder, and create it if it is missing. fresh: whether to begin it again.

    Raises `UsageError` if another process uses it, or if it cannot be read or written.
    """
    path = store.folder / FOLDER / f"{key}.journal"
    try:
        make_folder(path.parent)
        if is_link_or_special(path):
            raise UsageError(f"{path} is a link or a special file: delete it")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}; choose another folder with --store") from None
    try:
        _lock(descriptor, path)
        if fresh:
            os.ftruncate(descriptor, 0)
        with open(os.dup(descriptor), "r+b") as file:
            delete_incomplete_line(file)
        with _reporting_damage(str(path)):
            journal = Journal(path)
            comparison = StoredComparison(import_optuna().storages.JournalStorage(journal), str(path))
        try:
            yield comparison
        finally:
            store.failure = store.failure or journal.failure
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Lock the file of a comparison until its descriptor is closed. Raises `UsageError` if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"another process makes the same comparison ({path}): wait until it ends, or choose another --store"
        ) from None
    except OSError:
        pass  # A file system without locks. Two processes at the same time are the user's responsibility.


@contextmanager
def _reporting_damage(where: str) -> Iterator[None]:
    """Raise a one-line `UsageError` with a remedy if a stored comparison cannot be decoded in the `with` block."""
    try:
        yield
    except (*DECODING_ERRORS, AssertionError):
        raise UsageError(f"{where} is damaged: begin the comparison again with --fresh") from None
