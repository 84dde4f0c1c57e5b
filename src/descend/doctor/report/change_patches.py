"""Store the results of `descend prove` in the folder of the run: patches, JSON and a page."""

from pathlib import Path

from descend.core.regular_files import replace_file
from descend.doctor.prove.result import ProveResult
from descend.doctor.record.store import Store
from descend.doctor.report.change_formats import render_change_json
from descend.doctor.report.change_page import write_change_page
from descend.doctor.report.stored_results import store_results


def store_changes(result: ProveResult, store: Store) -> str:
    """Write the patches, `prove.json` and `prove.html`; return an error message, or "" if everything was written."""

    def write(folder: Path) -> None:
        """Write all files to the folder of the run."""
        for index, change in enumerate(result.changes, 1):
            if change.patch:
                replace_file(folder / f"change-{index}.diff", change.patch.encode())
            if change.needed is not None:
                replace_file(folder / f"change-{index}-needed.diff", change.needed.patch.encode())
        replace_file(folder / "prove.json", render_change_json(result).encode())
        write_change_page(result, folder / "prove.html")

    return store_results(store, result.baseline.run, write)
