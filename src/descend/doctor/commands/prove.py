"""`descend prove`: find out whether a change of a script helps, by runs with and without it on the same seeds."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from descend.core.errors import UsageError
from descend.core.start_time import IMPORT_TIME_S
from descend.doctor.commands.comparison_options import (
    ComparedSeeds,
    ComparisonFormat,
    Jobs,
    Margin,
    Metric,
    ResultFormat,
    RunSteps,
    TotalBudget,
)
from descend.doctor.commands.comparison_runs import finish_comparison, run_with_progress
from descend.doctor.commands.options import (
    DEFAULT_STORE,
    AllowEffects,
    Arguments,
    AsModule,
    Processes,
    Python,
    SandboxLevel,
    Seed,
    Target,
    Where,
)
from descend.doctor.script.plan import Plan

if TYPE_CHECKING:
    from descend.doctor.prove.result import ProveResult
    from descend.doctor.prove_changes import Question
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script

EPILOG = (
    "Exit status: 0 every change is as expected; 1 one is not; 2 wrong usage; 3 undecided, or not comparable; 4 the "
    "script failed; 5 descend itself failed; 130 Ctrl-C; 143 SIGTERM; 129 SIGHUP."
)
CHANGES = "The change (several are compared one by one)"


def prove(  # noqa: PLR0913 - each argument is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    patch: Annotated[
        list[str] | None,
        typer.Option(
            "--patch", metavar="FILE", help="A patch of the script, such as fix.diff.", rich_help_panel=CHANGES
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="REVISION",
            help="Compare the files as they are now with those of this git revision, such as main or HEAD~1. With "
            "HEAD, the change is what is not committed yet.",
            rich_help_panel=CHANGES,
        ),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="FILE", help="Another version of the script, in a file.", rich_help_panel=CHANGES
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Another value of a setting, such as lr=3e-4. It is changed where it is defined: an argument, a "
            "dataclass, a settings file, a constant or a keyword. Values separated by commas are set together.",
            rich_help_panel=CHANGES,
        ),
    ] = None,
    remedy: Annotated[
        list[str] | None,
        typer.Option(
            "--remedy",
            metavar="ID",
            help="A remedy of descend, such as standardise_inputs. Its arguments follow from the measurements.",
            rich_help_panel=CHANGES,
        ),
    ] = None,
    parts: Annotated[
        bool,
        typer.Option(
            "--parts",
            help="If a change helps, leave out one part after another to find the smallest one that keeps the gain.",
        ),
    ] = False,
    metric: Metric = None,
    expect: Annotated[
        Literal["no-worse", "better"],
        typer.Option(
            "--expect",
            help="What exit status 0 means: that no change is worse by more than the margin, or that each is better.",
        ),
    ] = "no-worse",
    margin: Margin = 10.0,
    steps: RunSteps = None,
    budget: TotalBudget = None,
    seeds: ComparedSeeds = Plan.seeds,
    seed: Seed = Plan.seed,
    jobs: Jobs = None,
    allow_effects: AllowEffects = False,
    sandbox: SandboxLevel = "auto",
    format: ResultFormat = None,
    store: Where = DEFAULT_STORE,
    processes: Processes = None,
    python: Python = None,
) -> None:
    """Find out whether a change of SCRIPT helps: run it with and without the change, on the same seeds, and compare.

    Every run is made in a scratch copy, so your files stay as they are. The unchanged script is first run twice with
    the same seed, which shows whether it is deterministic. Then both versions run with several seeds. The verdict is
    one of: helps, harms, equivalent (the difference is within --margin), undecided, no effect (the runs are identical),
    fails, or not comparable, each with a 95 % interval where there is one.

    Examples:

    - descend prove --set lr=3e-4 train.py
    - descend prove --patch fix.diff --expect better train.py
    - descend prove --against main --format markdown train.py --epochs 1
    """
    from descend.doctor.commands.changed_scripts import changed_scripts
    from descend.doctor.commands.doctor_plan import plan_from
    from descend.doctor.prove.result import Expectation
    from descend.doctor.prove_changes import Question
    from descend.doctor.record.store import open_store
    from descend.doctor.remedy_changes import check_remedies
    from descend.doctor.sandbox.world import is_other_rank
    from descend.doctor.script.script import open_script

    if is_other_rank(os.environ):
        return  # only the first process of a torchrun group compares runs
    plan = plan_from(context.params)
    script_of = open_script(script, tuple(arguments or ()), as_module=as_module, python=python)
    with script_of as target:
        unchanged, changes = changed_scripts(target, patch or (), against, other or (), settings or ())
        question = Question(
            tuple(changes), Expectation(expect), margin / 100, metric, parts, check_remedies(remedy or ())
        )
        if not question.changes and not question.remedies:
            raise UsageError("name the change: --set lr=3e-4, --patch fix.diff, --against HEAD or --with other.py")
        with open_store(store) as kept:
            result = _prove(unchanged, question, replace(plan, began=IMPORT_TIME_S), kept)
            _finish(result, kept, format)
    sys.exit(result.exit_status)


def _prove(script: "Script", question: "Question", plan: Plan, store: "Store") -> "ProveResult":
    """Run all scripts and return the results. The progress and the cost are printed on standard error."""
    from descend.doctor.prove_changes import prove_changes

    return run_with_progress(
        plan, lambda show, announce: prove_changes(script, question, plan, store, show, announce), plan.jobs
    )


def _finish(result: "ProveResult", store: "Store", format: ComparisonFormat | None) -> None:
    """Store the results with the patches, and print them. If storing fails, print one line."""
    from descend.doctor.report.change_console import render_change_console
    from descend.doctor.report.change_formats import RENDERERS
    from descend.doctor.report.change_patches import store_changes

    finish_comparison(result, store, format, store_changes, render_change_console, RENDERERS)
