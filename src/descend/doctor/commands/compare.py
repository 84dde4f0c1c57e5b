"""`descend compare`: find out which optimizer, learning rate, schedule or other setting trains a script best."""

import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

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
    Ray,
    SandboxLevel,
    Seed,
    Target,
    Where,
    number,
)
from descend.doctor.script.plan import Plan

if TYPE_CHECKING:
    from descend.doctor.compare.result import CompareResult
    from descend.doctor.compare_choices import ComparisonQuestion
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script

EPILOG = (
    "Exit status: 0 a choice is recommended, or the current setting is kept; 1 the script certainly has a problem; "
    "2 wrong usage; 3 undecided, or nothing was compared; 4 the script failed; 5 descend itself failed; 130 Ctrl-C; "
    "143 SIGTERM; 129 SIGHUP."
)
CHOICES = "The choices (lists are combined; without any, they follow from the script)"
MOST_TUNING_RUNS = 1000


def compare(  # noqa: PLR0913 - each argument is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    optimizers: Annotated[
        str | None,
        typer.Option(
            "--optimizers",
            metavar="NAMES",
            help="Compare these optimizers of torch.optim or descend.optim, such as SGD,AdamW,Lion. The script's own "
            "optimizer with a tuned learning rate is always compared, too.",
            rich_help_panel=CHOICES,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="Vary a setting: lr=1e-4:1e-1 is a range that is searched for each choice; batch_size=16,64 is a list "
            "with one choice for each value. It is changed where it is defined. May be repeated.",
            rich_help_panel=CHOICES,
        ),
    ] = None,
    schedules: Annotated[
        str | None,
        typer.Option(
            "--schedules",
            metavar="NAMES",
            help="Compare these learning-rate schedules: constant, linear, cosine, one-cycle, warm-up.",
            rich_help_panel=CHOICES,
        ),
    ] = None,
    initialisers: Annotated[
        str | None,
        typer.Option(
            "--initialisers",
            metavar="NAMES",
            help="Compare these initialisations of the weights, such as He,Glorot.",
            rich_help_panel=CHOICES,
        ),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option(
            "--clip",
            metavar="NORMS",
            help="Compare these limits of the gradient norm, such as none,1.0.",
            rich_help_panel=CHOICES,
        ),
    ] = None,
    find_lr: Annotated[
        bool,
        typer.Option(
            "--find-lr",
            help="Also compare the learning rate that a range test suggests. It depends on the seed and on the first "
            "steps only, so it is one choice among others.",
            rich_help_panel=CHOICES,
        ),
    ] = False,
    metric: Metric = None,
    margin: Margin = 10.0,
    tuning_runs: Annotated[
        int | None,
        number(
            "--trials",
            1,
            MOST_TUNING_RUNS,
            help="Tune each choice with the optimizer steps of this many runs of the script. Runs that are worse than "
            "others are stopped early, so more values are tried. Default: 8.",
        ),
    ] = None,
    steps: RunSteps = None,
    budget: TotalBudget = None,
    seeds: ComparedSeeds = Plan.seeds,
    seed: Seed = Plan.seed,
    jobs: Jobs = None,
    ray: Ray = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Also compare if the script certainly has a problem. The problem is reported first."
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again instead of continuing an interrupted comparison.")
    ] = False,
    allow_effects: AllowEffects = False,
    sandbox: SandboxLevel = "auto",
    format: ResultFormat = None,
    store: Where = DEFAULT_STORE,
    processes: Processes = None,
    python: Python = None,
) -> None:
    """Find out which choice trains SCRIPT best: optimizer, learning rate, schedule, batch size or another setting.

    The script runs unmodified. It is first examined for problems such as gradients that are never cleared, which matter
    more than any choice. Then the learning rate of each choice is tuned, with the same number of optimizer steps for
    all. Finally, the current setting and the tuned choices run with several fresh seeds.

    The verdict is one of: use another choice, tune the current optimizer, keep the current setting, or undecided. The
    report has the interval of the difference and a patch.

    Every run is made in a scratch copy, so your files stay as they are. Ctrl-C ends the runs; the same command
    continues them.

    Examples:

    - descend compare train.py
    - descend compare --optimizers SGD,AdamW,Lion --schedules constant,cosine train.py
    - descend compare --set lr=1e-4:1e-1 --set batch_size=16,64,256 --budget 20m train.py --epochs 3
    """
    from descend.doctor.commands.doctor_plan import plan_from
    from descend.doctor.commands.requested_choices import read_requested
    from descend.doctor.compare_choices import ComparisonQuestion
    from descend.doctor.record.store import open_store
    from descend.doctor.sandbox.world import is_other_rank
    from descend.doctor.script.script import open_script
    from descend.doctor.script.source_snapshot import SourceSnapshot

    if is_other_rank(os.environ):
        return  # only the first process of a torchrun group compares runs
    plan = plan_from(context.params)
    requested = read_requested(
        optimizers or "", settings or (), schedules or "", initialisers or "", clip or "", find_lr
    )
    question = ComparisonQuestion(requested, metric, margin / 100, tuning_runs, anyway, fresh)
    script_of = open_script(script, tuple(arguments or ()), as_module=as_module, python=python)
    with script_of as target, open_store(store) as kept:
        unchanged = replace(target, sources=SourceSnapshot())
        result = _compare(unchanged, question, replace(plan, began=IMPORT_TIME_S), kept, ray)
        _finish(result, kept, format)
    sys.exit(result.exit_status)


def _compare(
    script: "Script", question: "ComparisonQuestion", plan: Plan, store: "Store", ray: str | None
) -> "CompareResult":
    """Tune and run all choices and return the results. The progress and the cost are printed on standard error."""
    from descend.doctor.compare_choices import compare_choices
    from descend.doctor.trials.cluster import connect

    with nullcontext() if ray is None else connect(ray, plan) as cluster:
        return run_with_progress(
            plan,
            lambda show, announce: compare_choices(script, question, plan, store, show, announce, cluster),
            cluster.slots if cluster else plan.jobs,
        )


def _finish(result: "CompareResult", store: "Store", format: ComparisonFormat | None) -> None:
    """Store the results with the recommended patch, and print them. If storing fails, print one line."""
    from descend.doctor.report.choice_console import render_choice_console
    from descend.doctor.report.choice_formats import RENDERERS
    from descend.doctor.report.choice_patches import store_choices

    finish_comparison(result, store, format, store_choices, render_choice_console, RENDERERS)
