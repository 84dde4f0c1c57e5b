"""The commands that read recorded runs: `descend diagnose`, `descend report`, `descend runs`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, CaseFormat, Number, ReportFormat, Verbose, Where
from descend.doctor.commands.terminal import console, say

if TYPE_CHECKING:
    from descend.doctor.case import Case

# commands that write a page about the run of the unchanged script and about further runs
COMPARING_COMMANDS = ("prove", "compare")


def diagnose(
    run: Number = None, store: Where = DEFAULT_STORE, format: CaseFormat = None, verbose: Verbose = False
) -> None:
    """Print the diagnosis of a recorded run again, without running the script.

    A watched run, which has no trials, is diagnosed again from its record.
    """
    from descend.doctor.archive import load_case
    from descend.doctor.case import EXIT_STATUSES
    from descend.doctor.record.decoding import reporting_damage
    from descend.doctor.record.store import open_existing

    with open_existing(store) as kept:
        number = kept.number(run)
        case, folder = load_case(kept, number), kept.folder / str(number)
    with reporting_damage(f"run {number} in {kept.where}"):
        case.require_enough_steps()
        has_page = (folder / "report.html").exists()
        print_case(case, format=format, folder=folder, store=store, has_page=has_page, verbose=verbose)
    sys.exit(EXIT_STATUSES[case.status])


def report(
    run: Number = None,
    store: Where = DEFAULT_STORE,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the report in the web browser.")] = False,
) -> None:
    """Write the HTML report of a recorded run again, and print its path.

    The page of descend prove or descend compare is not written again, because it also depends on other runs.
    """
    from descend.doctor.archive import load_case
    from descend.doctor.record.decoding import reporting_damage
    from descend.doctor.record.store import open_existing
    from descend.doctor.report import write_page

    with open_existing(store) as kept:
        number = kept.number(run)
        folder = kept.folder_of(number)
        command = _comparing_command(folder)
        path = folder / f"{command or 'report'}.html"
        if not command:
            case, trial_runs = load_case(kept, number), kept.trial_runs(number)
            with reporting_damage(f"run {number} in {kept.where}"):
                write_page(case, trial_runs, path, store)
    typer.echo(path)
    if is_opened:
        _open_in_browser(path)


def _comparing_command(folder: Path) -> str:
    """Return the command that compared other runs with the run of this folder, such as "prove"; "" if none did."""
    return next((name for name in COMPARING_COMMANDS if (folder / f"{name}.html").is_file()), "")


def _open_in_browser(path: Path) -> None:
    """Open a file in the user's web browser, which the environment variable BROWSER names. Raise `UsageError`."""
    import webbrowser

    if not webbrowser.open(path.absolute().as_uri()):
        raise UsageError(
            f"no web browser could be started: open {path} yourself, or set BROWSER to a browser's command"
        )


def runs(store: Where = DEFAULT_STORE) -> None:
    """List the diagnosed and watched runs in the store, with the numbers that other commands take."""
    from rich.table import Table
    from rich.text import Text

    from descend.doctor.record.store import open_existing
    from descend.doctor.report.formatting import one_line
    from descend.doctor.script.run_names import EndReason, Role

    table = Table("run", "started (UTC)", "command", "script", "steps", "ended", "findings", box=None)
    with open_existing(store) as kept:
        for row in kept.runs():
            when = row.started.strftime("%Y-%m-%d %H:%M") if row.started else ""
            command = row.role
            if row.role == Role.BASELINE:
                command = _comparing_command(kept.folder / str(row.number)) or "doctor"
            ended = "stopped by descend" if row.status == EndReason.WINDOW else row.status
            cells = (row.number, when, command, row.script, row.steps, ended, row.findings)
            # Wrapped in `Text`, stored text cannot be interpreted as rich's markup.
            table.add_row(*(Text(one_line(str(cell))) for cell in cells))
    console().print(table)


def print_case(
    case: "Case", *, format: ReportFormat | None, folder: Path, store: str, has_page: bool, verbose: bool = False
) -> None:
    """Print the diagnosis of a run on standard output; for an assistant, print the next commands on standard error."""
    from descend.doctor.commands.coding_assistant import default_format
    from descend.doctor.report import render_console
    from descend.doctor.report.formats import render
    from descend.doctor.report.formats.next_steps import next_commands

    chosen_format = format or default_format(os.environ)
    if chosen_format == "text":
        console().print(render_console(case, folder, store=store, has_page=has_page, verbose=verbose))
        return
    typer.echo(render(case, chosen_format, store), nl=False)
    if chosen_format == "agent":
        sys.stdout.flush()  # so that a reader of both streams gets the report first
        for command in next_commands(case, store):
            say(f"next: {command}")
