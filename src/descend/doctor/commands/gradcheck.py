"""`descend gradcheck train.py`: compare a script's gradients with finite differences."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from descend.core.errors import UsageError
from descend.doctor.commands.options import Arguments, AsModule, Python, Target
from descend.doctor.commands.single_run import run_once, status_of
from descend.doctor.commands.terminal import console, say

if TYPE_CHECKING:
    from descend.doctor.record import Record

STEPS = 3  # number of optimizer steps that the script runs
EPILOG = (
    "Exit status: 0 all gradients are right; 1 some are wrong; 2 no gradient could be checked, or wrong usage; the "
    "script's own if it failed; 5 descend itself failed."
)


def gradcheck(script: Target, arguments: Arguments = None, as_module: AsModule = False, python: Python = None) -> None:
    """Compare SCRIPT's gradients with finite differences in float64, for each module and custom Function.

    The first 3 steps run in a scratch copy.
    """
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import open_script

    plan = Plan(role="gradcheck", steps=STEPS, jobs=1)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        record = run_once(target, plan)
    sys.exit(status_of(record) or (1 if _print_results(record) else 0))


def _print_results(record: "Record") -> bool:
    """Print the relative error of each checked gradient; return whether a gradient is wrong.

    Raise `UsageError` if no gradient could be checked.
    """
    from rich.markup import escape
    from rich.table import Table

    from descend.doctor.record import SiteKind, facts
    from descend.doctor.report.formatting import place
    from descend.doctor.symptoms.incorrect_gradients import WRONG

    checked = [("module", name, found.error) for name, found in record.every(facts.ModuleGradient).items()]
    checked += [("Function", name, found.error) for name, found in record.every(facts.GradientCheck).items()]
    if not checked:
        reason = next(
            (note.reason for note in record.notes if note.probe in ("gradients", "tape")), "no optimizer step was taken"
        )
        raise UsageError(f"no gradient could be checked: {reason}")
    table = Table("", "checked", "relative error", "", "where", box=None)
    wrong = False
    for kind, name, error in checked:
        wrong = wrong or error > WRONG
        site = record.site(SiteKind.CUSTOM_FUNCTION, name) if kind == "Function" else None
        verdict = "[bold red]wrong[/]" if error > WRONG else "[green]right[/]"
        table.add_row(kind, escape(name), f"{error:.1e}", verdict, place(site, "", Path(record.root)) if site else "")
    console().print(table)
    for note in record.notes:
        if note.probe in ("gradients", "gradient_check"):
            say(f"not checked: {note.reason}")
    return wrong
