"""`descend apply`: write the proved patch of a recorded run into the user's files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, Number, Where
from descend.doctor.commands.terminal import say

if TYPE_CHECKING:
    from descend.doctor.case import Case

EPILOG = (
    "Exit status: 0 the patch was written or had already been applied; 2 nothing was written; 5 descend itself failed."
)


def apply(run: Number = None, store: Where = DEFAULT_STORE) -> None:
    """Write the proved patch of a recorded run into the script, without running anything.

    If a file of the patch has changed since the run, nothing is written. For a file outside the current directory,
    descend shows the path and the diff and asks for confirmation; without a terminal, it refuses.
    """
    from descend.doctor.archive import load_case
    from descend.doctor.record.store import open_existing

    with open_existing(store) as kept:
        case = load_case(kept, kept.number(run))
    _write_patch(case, kept.folder)


def write_patch_or_report(case: "Case", reports: Path) -> None:
    """Write the patch of a diagnosed run into the script. If that is not possible, print the reason in one line."""
    try:
        _write_patch(case, reports)
    except UsageError as error:
        say(str(error))


def _write_patch(case: "Case", reports: Path) -> None:
    """Write the patch of a diagnosed run into the script. Raise `UsageError` if there is no patch or no permission."""
    from descend.doctor.report.choice_patches import PATCH as CHOICE_PATCH
    from descend.doctor.script.patch_writing import OutsideWorkingDirectory, apply_changes

    number = case.record.run
    if case.streamed:
        raise UsageError("the script was read from standard input, so there is no file to patch")
    if case.fix is None:
        recommended = reports / str(number) / CHOICE_PATCH
        by_hand = (
            f"; apply the choice of descend compare with patch -p0 < {recommended}" if recommended.is_file() else ""
        )
        raise UsageError(f"run {number} has no proved patch, so nothing was written{by_hand}")
    patch = reports / str(number) / "fix.diff"
    try:
        written = apply_changes(case.changes, _confirm)
    except OutsideWorkingDirectory as error:
        raise UsageError(
            f"{error}: nothing was written. Read {patch}, then run descend apply {number} in the script's directory, "
            "or in a terminal, where descend asks for confirmation"
        ) from None
    except UsageError as error:
        raise UsageError(f"{error}: nothing was written; the patch is in {patch}") from None
    for file in written:
        say(f"wrote {file}")
    if not written:
        say(f"the patch of run {number} has already been applied")


def _confirm(path: str, diff: str) -> bool:
    """Show a change of a file outside the current directory, and return whether the user confirms it.

    Without a terminal, the answer is no.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    typer.echo(diff, err=True)  # The diff is not redacted, because the user must see everything that will be written.
    question = f"descend: {on_one_line(path)} is outside the current directory. Write this change?"
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:  # the user pressed Ctrl-C or Ctrl-D
        return False
