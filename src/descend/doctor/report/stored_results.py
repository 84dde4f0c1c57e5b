"""Store the results of a command in the folder of its run."""

from collections.abc import Callable
from pathlib import Path

from descend.core.errors import UsageError
from descend.doctor.record.store import Store
from descend.doctor.redaction.private import make_folder


def store_results(store: Store, run: int, write: Callable[[Path], None]) -> str:
    """Call `write` with the folder of a run, which is created; return an error message, or "" if it succeeded.

    run: the number of the run; 0 if it was not stored. Nothing is written then.
    """
    if not run:
        return ""
    try:
        folder = store.folder_of(run)
        make_folder(folder)
        write(folder)
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or store.folder}: {error.strerror}"
    return ""
