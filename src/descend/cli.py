"""The command line: `descend doctor train.py`. Nothing heavy is imported before a command needs it."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from descend import __version__
from descend.doctor.commands import showing
from descend.doctor.commands.applying import EPILOG as APPLY_EPILOG
from descend.doctor.commands.applying import apply, write_or_say
from descend.doctor.commands.export import export
from descend.doctor.commands.failing import failed
from descend.doctor.commands.finishing import finish
from descend.doctor.commands.gradcheck import gradcheck
from descend.doctor.commands.options import (
    DEFAULT_STORE,
    MOST_PROCESSES,
    MOST_SEED,
    MOST_STEPS,
    PASS_ON,
    Arguments,
    AsModule,
    Format,
    Ignore,
    Processes,
    Python,
    Ray,
    Select,
    Suggest,
    Target,
    Trials,
    Where,
    number,
)
from descend.doctor.commands.recorded_runs import diagnose, report, runs
from descend.doctor.commands.showing.layout import layout
from descend.doctor.commands.terminal import console, say
from descend.doctor.commands.watching.command import watch
from descend.doctor.script.plan import Plan, cores
from descend.ground.errors import WRONG_USAGE, UsageError
from descend.ground.interruption import catch_signals, command_status, interruption_status

if TYPE_CHECKING:
    from descend.doctor.case import Case
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script

EPILOG = (
    "Exit status: 0 no problem found, or undecided; 1 findings; 2 wrong usage; 130 Ctrl-C; 143 SIGTERM; 129 SIGHUP; "
    "5 descend itself failed. If the script fails, its own status."
)
app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Finds out why a neural network isn't training, and proves the fix.",
)


@app.command(context_settings=PASS_ON, epilog=EPILOG)
def doctor(  # noqa: PLR0913 - each is an option of the command
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    steps: Annotated[
        int | None,
        number(
            "--steps",
            1,
            MOST_STEPS,
            help="Observe this many optimizer steps. Default: 1000, or 300 if these take longer than 5 s.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        number(
            "--seconds",
            0.001,
            10_000_000.0,
            kind=float,
            help="Observe at most this many seconds of training, without the time for measuring. Default: 60, "
            "after at most 600 until training begins; a given value is used for both.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        number(
            "--seeds", 2, 1000, help="Confirm a remedy on this many fresh seeds; on as many more if the result is open."
        ),
    ] = Plan.seeds,
    seed: Annotated[
        int, number("--seed", 0, MOST_SEED, help="Add this to every seed that the script sets.")
    ] = Plan.seed,
    jobs: Annotated[
        int | None, number("--jobs", 1, MOST_PROCESSES, help="Run this many trials in parallel. Default: one per core.")
    ] = None,
    processes: Processes = None,
    ray: Ray = None,
    trials: Trials = Plan.trials,
    suggest: Suggest = False,
    select: Select = None,
    ignore: Ignore = None,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply",
            help="Write the proved patch into the script, unless the script has changed since. For a file that is not "
            "below the current directory it asks.",
        ),
    ] = False,
    allow_effects: Annotated[
        bool,
        typer.Option(
            "--allow-effects",
            help="Let the script write files, open connections and start programs outside the scratch copy.",
        ),
    ] = False,
    sandbox: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="Isolate the script by namespaces, landlock or hooks. Default: auto, the strongest available here.",
        ),
    ] = "auto",
    format: Format = "text",
    store: Where = DEFAULT_STORE,
    python: Python = None,
) -> None:
    """Find out why SCRIPT isn't training, try remedies on copies of it, and prove one.

    The script runs unmodified in a scratch copy of the working directory. descend observes the first optimizer
    steps and measures the training loop, the inputs, the activations and the curvature. It then edits the source,
    one remedy at a time, and runs each edited copy with the same seed, the same batches and the same number of steps.

    Writes outside the copy, network connections, signals and other programs are refused and listed. At the start,
    descend prints what the chosen --sandbox cannot prevent.

    A script for torchrun runs as a group of processes: as many as torchrun has started, or --nproc-per-node.

    Examples:

    - descend doctor train.py --epochs 3
    - descend doctor -m package.train
    - descend doctor notebook.ipynb
    """
    from descend.doctor.canon.diagnosis import check_ids
    from descend.doctor.record.store import open_store
    from descend.doctor.sandbox.confinement import announcement, available
    from descend.doctor.sandbox.world import is_other_rank, processes_here
    from descend.doctor.script.script import opened

    check_ids([*(select or ()), *(ignore or ())])
    if is_other_rank(os.environ):
        return  # the first process of the group does it alone
    available(sandbox)  # says at once where it is not
    if not allow_effects and (left_open := announcement(sandbox)):
        say(left_open)
    plan = Plan(
        steps=Plan.steps if steps is None else steps,
        least_steps=Plan.least_steps if steps is None else steps,
        seconds=Plan.seconds if seconds is None else seconds,
        patience=Plan.patience if seconds is None else seconds,
        seeds=seeds,
        trials=trials,
        suggest=suggest,
        seed=seed,
        jobs=cores() if jobs is None else jobs,
        allow_effects=allow_effects,
        sandbox=sandbox,
        processes=processes_here(os.environ, cores()) if processes is None else processes,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
    )
    script_of = opened(script, tuple(arguments or ()), as_module=as_module, python=python)
    with script_of as target, open_store(store) as kept:
        case = _consult(target, plan, kept, ray)
        finish(case, target, kept, store, as_json=format == "json")
        if apply:
            write_or_say(case, kept.folder)
        sys.exit(case.exit_status[0])


app.command(context_settings=PASS_ON, epilog="Exit status: the script's own; 5 descend itself failed.")(watch)


app.command()(diagnose)
app.command(context_settings=PASS_ON)(gradcheck)
app.command(epilog=APPLY_EPILOG)(apply)
app.command()(export)
app.add_typer(showing.app, name="show")
app.command(context_settings=PASS_ON)(layout)
app.command()(report)
app.command()(runs)


@app.command()
def explain(
    symptom: Annotated[str, typer.Argument(help="The id of a symptom, such as dead_units.")],
) -> None:
    """Explain a symptom: what it is, how it is recognised, and which remedies the literature recommends."""
    from descend.doctor.canon.diagnosis import check_ids
    from descend.doctor.commands.explanations import explanation

    check_ids([symptom])
    typer.echo(explanation(symptom))


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line and status 2, a failure of ours status 5."""
    catch_signals()
    try:
        _require_directory()
        try:
            sys.exit(command_status(app(standalone_mode=False)))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # else a full disk or a closed pipe shows only at the interpreter's end
    except UsageError as error:
        say(str(error))
    except TyperException as error:
        say(f"{error.format_message()} (descend --help says more)")
    except (KeyboardInterrupt, typer.Abort) as error:
        sys.exit(interruption_status(error))
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # typer exits with 1 there, which means findings
            sys.exit(failed(left.__context__))
        raise
    except Exception as error:
        sys.exit(failed(error))
    sys.exit(WRONG_USAGE)


def _require_directory() -> None:
    try:
        os.getcwd()
    except OSError:
        raise UsageError("the current directory has been deleted: change to another one") from None


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version or context.invoked_subcommand is None:
        typer.echo(f"descend {__version__}" if version else context.get_help())
        raise typer.Exit


def _consult(script: "Script", plan: Plan, store: "Store", ray: str | None) -> "Case":
    from contextlib import nullcontext

    from descend.doctor.commands.live import Live
    from descend.doctor.trials.cluster import joined
    from descend.doctor.walk import doctor as consult

    with nullcontext() if ray is None else joined(ray, plan) as cluster, Live(console(stderr=True), plan) as live:
        return consult(script, plan, store, live.show, cluster)
