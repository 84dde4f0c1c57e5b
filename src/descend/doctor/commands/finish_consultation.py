"""Finish a consultation: first print the verdict, then store the results, since a full disk may prevent storing."""

import sys
from typing import TYPE_CHECKING

from descend.core.errors import UsageError
from descend.doctor.commands.recorded_runs import print_case
from descend.doctor.commands.terminal import pass_on_error, say

if TYPE_CHECKING:
    from descend.doctor.case import Case
    from descend.doctor.commands.options import ReportFormat
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script


def finish(
    case: "Case", script: "Script", kept: "Store", store: str, *, format: "ReportFormat | None", verbose: bool = False
) -> None:
    """Print the diagnosis, then store it with its patches and its HTML report. If storing fails, print one line.

    Raise `UsageError` if the run is too short to be judged.
    """
    from descend.doctor.report.formatting import script_exit_message

    ending = case.record.ending
    if ending and ending.has_failed:
        pass_on_error(ending.error)
        say(script_exit_message(script.path.name, ending, case.exit_status))
    case.require_enough_steps()
    folder = kept.folder / str(case.record.run)
    print_case(case, format=format, folder=folder, store=store, has_page=True, verbose=verbose)
    sys.stdout.flush()
    failure = store_case(case, kept, store)
    if failure := kept.failure or failure:
        say(f"some results could not be stored: {failure}")


def store_case(case: "Case", kept: "Store", store: str) -> str:
    """Store the diagnosis, its patches and its HTML report; return an error message, or "" if everything was stored."""
    from descend.doctor.archive import save_case
    from descend.doctor.redaction.private import make_folder
    from descend.doctor.report import write_page, write_patches

    try:
        save_case(kept, case)
        folder = kept.folder_of(case.record.run)
        make_folder(folder)
        write_patches(case, folder)
        write_page(case, kept.trial_runs(case.record.run), folder / "report.html", store)
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or kept.folder}: {error.strerror}"
    return ""
