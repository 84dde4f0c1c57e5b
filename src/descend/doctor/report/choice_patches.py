"""Store the results of `descend compare` in the folder of the run: the winner's patch, JSON and a page."""

from pathlib import Path

from descend.core.regular_files import replace_file
from descend.doctor.compare.result import CompareResult
from descend.doctor.record.store import Store
from descend.doctor.report.choice_json import render_choice_json
from descend.doctor.report.choice_page import write_choice_page
from descend.doctor.report.choice_verdict import winning_patch
from descend.doctor.report.stored_results import store_results

PATCH = "compare.diff"


def store_choices(result: CompareResult, store: Store) -> str:
    """Write `compare.diff`, `compare.json` and `compare.html`; return an error message, or "" if all were written.

    The patch of an earlier, interrupted comparison is deleted if no change is recommended any more.
    """

    def write(folder: Path) -> None:
        """Write all files to the folder of the run."""
        if patch := winning_patch(result):
            replace_file(folder / PATCH, patch.encode())
        else:
            (folder / PATCH).unlink(missing_ok=True)
        replace_file(folder / "compare.json", render_choice_json(result).encode())
        write_choice_page(result, folder / "compare.html")

    return store_results(store, result.baseline.run, write)
