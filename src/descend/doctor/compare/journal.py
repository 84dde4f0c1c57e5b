"""A journal of Optuna in a file that one process uses. Lines that cannot be written are kept in memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from descend.core.errors import reason_of
from descend.doctor.compare.model import import_optuna

Operation = dict[str, Any]


class Journal:
    """The operations of an Optuna storage, one in each line. If the disk is full, the comparison continues."""

    def __init__(self, path: Path) -> None:
        self.failure = ""  # the reason why some operations are not in the file; "" if all are
        self._path = path
        # The lock of the process replaces the lock for each operation, which would be left by a killed process.
        self._file = import_optuna().storages.journal.JournalFileBackend(str(path), lock_obj=_NoLock())
        self._written = 0  # number of operations in the file; only known after a failure
        self._unwritten: list[Operation] = []

    def read_logs(self, log_number_from: int) -> Iterator[Operation]:
        """Yield the operations from this number on: those in the file, then those in memory."""
        if not self.failure:
            yield from self._file.read_logs(log_number_from)
            return
        if log_number_from < self._written:
            yield from self._file.read_logs(log_number_from)
        yield from self._unwritten[max(0, log_number_from - self._written) :]

    def append_logs(self, logs: list[Operation]) -> None:
        """Write operations to the disk, or keep them in memory if this one or an earlier one cannot be written."""
        if not self.failure:
            size = self._path.stat().st_size
            try:
                self._file.append_logs(logs)
                return
            except OSError as error:
                self.failure = f"{self._path} cannot be written: {reason_of(error)}"
            with suppress(OSError):
                os.truncate(self._path, size)  # The last operation may be incomplete.
            self._written = sum(1 for _ in self._file.read_logs(0))
        self._unwritten.extend(logs)


class _NoLock:
    """Takes the place of Optuna's lock of a journal."""

    def acquire(self) -> bool:
        """Return that the lock is acquired."""
        return True

    def release(self) -> None:
        """Do nothing."""
