"""Store the results of `descend prove` in the folder of the run: patches, JSON and a page."""

from descend.core.errors import UsageError
from descend.core.regular_files import replace_file
from descend.doctor.prove.result import ProveResult
from descend.doctor.record.store import Store
from descend.doctor.redaction.private import make_folder
from descend.doctor.report.change_formats import render_change_json
from descend.doctor.report.change_page import write_change_page


def store_changes(result: ProveResult, store: Store) -> str:
    """Write the patches, `prove.json` and `prove.html`; return an error message, or "" if everything was written."""
    if not result.baseline.run:
        return ""
    try:
        folder = store.folder_of(result.baseline.run)
        make_folder(folder)
        for index, change in enumerate(result.changes, 1):
            if change.patch:
                replace_file(folder / f"change-{index}.diff", change.patch.encode())
            if change.needed is not None:
                replace_file(folder / f"change-{index}-needed.diff", change.needed.patch.encode())
        replace_file(folder / "prove.json", render_change_json(result).encode())
        write_change_page(result, folder / "prove.html")
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or store.folder}: {error.strerror}"
    return ""
