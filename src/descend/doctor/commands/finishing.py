"""How a consultation ends: the verdict is printed first, and then everything is kept, which a full disk may prevent."""

import sys
from typing import TYPE_CHECKING

from descend.doctor.commands.recorded_runs import print_case
from descend.doctor.commands.terminal import pass_on_error, say
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.case import Case
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script


def finish(case: "Case", script: "Script", kept: "Store", store: str, *, as_json: bool) -> None:
    """Print a case, then keep it, its patches and its page; what cannot be kept is one line.

    Raises `UsageError` where the run is too short to say anything of it.
    """
    from descend.doctor.report.wording import passed_on

    ending = case.record.ending
    if ending and ending.reason in ("failed", "killed"):
        pass_on_error(ending.error)
        say(passed_on(script.path.name, ending))
    if case.shortfall and not case.findings:
        raise UsageError(f"{script.path.name} {case.shortfall}")
    folder = kept.folder / str(case.record.run)
    print_case(case, as_json=as_json, folder=folder, store=store, has_page=True)
    sys.stdout.flush()
    last_failure = _keep(case, kept)
    if failure := kept.failure or last_failure:
        say(f"not everything could be kept: {failure}")


def _keep(case: "Case", kept: "Store") -> str:
    """Keep a case, its patches and its page; return why not all could be kept, or ""."""
    from descend.doctor.archive import save_case
    from descend.doctor.redaction.private import make_folder
    from descend.doctor.report import write_page, write_patches

    try:
        save_case(kept, case)
        folder = kept.folder_of(case.record.run)
        make_folder(folder)
        write_patches(case, folder)
        write_page(case, kept.trial_runs(case.record.run), folder / "report.html")
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or kept.folder}: {error.strerror}"
    return ""
