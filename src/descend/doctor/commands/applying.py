"""`descend apply`: the proved patch of a recorded run, written into the user's files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from descend.doctor.commands.options import DEFAULT_STORE, Number, Where
from descend.doctor.commands.terminal import say
from descend.ground.control_characters import on_one_line
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.case import Case

EPILOG = "Exit status: 0 the patch is written, or is there already; 2 nothing was written; 5 descend itself failed."


def apply(run: Number = None, store: Where = DEFAULT_STORE) -> None:
    """Write the proved patch of a recorded run into the script; nothing is run.

    Only onto the very text that the doctor read: where a file of the patch has changed since, none is written.
    Only below the current directory: for any other file it shows path and diff and asks, and without a terminal it
    refuses.
    """
    from descend.doctor.archive import load_case
    from descend.doctor.record.store import open_existing

    with open_existing(store) as kept:
        case = load_case(kept, kept.number(run))
    _write(case, kept.folder)


def write_or_say(case: "Case", reports: Path) -> None:
    """Write the patch of a case, or say in one line why nothing is written."""
    try:
        _write(case, reports)
    except UsageError as error:
        say(str(error))


def _write(case: "Case", reports: Path) -> None:
    from descend.doctor.script.changes import Outside, apply_changes

    number = case.record.run
    if case.streamed:
        raise UsageError("the script came in by a pipe: there is no file to write a patch into")
    if case.cure is None:
        raise UsageError(f"run {number} has no proved patch, so nothing is written")
    patch = reports / str(number) / "fix.diff"
    if case.changes is None:
        raise UsageError(f"run {number} is of an older descend, which did not keep what it read: patch -p0 < {patch}")
    try:
        written = apply_changes(case.changes, _ask)
    except Outside as error:
        raise UsageError(
            f"{error}: nothing is written; read {patch}, then run descend apply {number} in the script's directory, or "
            "in a terminal, where it asks"
        ) from None
    except UsageError as error:
        raise UsageError(f"{error}: nothing is written; the patch is in {patch}") from None
    for file in written:
        say(f"wrote {file}")
    if not written:
        say(f"the patch of run {number} is applied already")


def _ask(path: str, diff: str) -> bool:
    """Show what would be written outside the current directory, and ask; without a terminal the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    typer.echo(diff, err=True)  # not redacted: the user has to see all that is written
    question = f"descend: {on_one_line(path)} is not below the current directory. Write this change?"
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:  # Ctrl-C or Ctrl-D
        return False
