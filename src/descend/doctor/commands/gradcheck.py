"""`descend gradcheck train.py`: are the gradients of somebody's script right?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from descend.doctor.commands.options import Arguments, AsModule, Python, Target
from descend.doctor.commands.single_run import run_once, status_of
from descend.doctor.commands.terminal import console, say
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Record

STEPS = 3  # optimizer steps that are run


def gradcheck(script: Target, arguments: Arguments = None, as_module: AsModule = False, python: Python = None) -> None:
    """Compare SCRIPT's gradients with finite differences in float64, for each module and custom Function.

    It runs the first steps in a scratch copy. Exit status: 0 all right, 1 some wrong, 2 nothing could be checked.
    """
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import opened

    plan = Plan(role="gradcheck", steps=STEPS, jobs=1)
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        record = run_once(target, plan)
    sys.exit(status_of(record) or (1 if _print(record) else 0))


def _print(record: "Record") -> bool:
    """Print what was checked; return whether any is wrong. Raises `UsageError` where nothing could be."""
    from rich.markup import escape
    from rich.table import Table

    from descend.doctor.record import facts
    from descend.doctor.report.wording import place
    from descend.doctor.symptoms.incorrect_gradients import WRONG

    checked = [("module", name, found.error) for name, found in record.every(facts.ModuleGradient).items()]
    checked += [("Function", name, found.error) for name, found in record.every(facts.GradientCheck).items()]
    if not checked:
        reason = next(
            (note.reason for note in record.notes if note.probe in ("gradients", "tape")), "no step was taken"
        )
        raise UsageError(f"no gradient could be checked: {reason}")
    table = Table("", "checked", "relative error", "", "where", box=None)
    wrong = False
    for kind, name, error in checked:
        wrong = wrong or error > WRONG
        site = record.site("custom_function", name) if kind == "Function" else None
        verdict = "[bold red]wrong[/]" if error > WRONG else "[green]right[/]"
        table.add_row(kind, escape(name), f"{error:.1e}", verdict, place(site, "", Path(record.root)) if site else "")
    console().print(table)
    for note in record.notes:
        if note.probe in ("gradients", "gradient_check"):
            say(f"not checked: {note.reason}")
    return wrong
