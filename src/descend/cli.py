"""The command line: `descend doctor train.py`. Heavy packages are imported only by the commands that need them."""

import os
import sys
from dataclasses import replace
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from descend import __version__
from descend.claims.command import EPILOG as CLAIMS_EPILOG
from descend.claims.command import claims
from descend.core.errors import WRONG_USAGE, UsageError
from descend.core.interruption import catch_signals, command_status, interruption_status
from descend.core.start_time import IMPORT_TIME_S
from descend.discover.command import EPILOG as DISCOVER_EPILOG
from descend.discover.command import discover
from descend.doctor.commands.apply_patch import EPILOG as APPLY_EPILOG
from descend.doctor.commands.apply_patch import apply, write_patch_or_report
from descend.doctor.commands.command_group import CommandGroup, set_project_defaults
from descend.doctor.commands.compare import EPILOG as COMPARE_EPILOG
from descend.doctor.commands.compare import compare
from descend.doctor.commands.explain import explain
from descend.doctor.commands.export import export
from descend.doctor.commands.failure_status import report_failure, usage_message
from descend.doctor.commands.finish_consultation import finish
from descend.doctor.commands.gradcheck import EPILOG as GRADCHECK_EPILOG
from descend.doctor.commands.gradcheck import gradcheck
from descend.doctor.commands.mcp_server.command import mcp
from descend.doctor.commands.options import (
    DEFAULT_STORE,
    MOST_PROCESSES,
    MOST_STEPS,
    PASS_ON,
    TRIALS,
    AllowEffects,
    Arguments,
    AsModule,
    Budget,
    CaseFormat,
    Ignore,
    Processes,
    Python,
    Quick,
    Ray,
    SandboxLevel,
    Seed,
    Select,
    Suggest,
    Target,
    Trials,
    Verbose,
    Where,
    number,
)
from descend.doctor.commands.prove import EPILOG as PROVE_EPILOG
from descend.doctor.commands.prove import prove
from descend.doctor.commands.recorded_runs import diagnose, report, runs
from descend.doctor.commands.terminal import prepare_output, say
from descend.doctor.commands.watch.command import EPILOG as WATCH_EPILOG
from descend.doctor.commands.watch.command import watch
from descend.doctor.script.plan import Plan
from descend.lab import commands as lab
from descend.lab.commands.layout import layout

EPILOG = (
    "Exit status: 0 no problem found; 1 problems found; 2 wrong usage, or a run too short to judge; 3 undecided; 4 the "
    "script failed (its own status is in the JSON); 5 descend itself failed; 130 Ctrl-C; 143 SIGTERM; 129 SIGHUP."
)
app = typer.Typer(
    cls=CommandGroup,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Finds out why a neural network isn't training and proves the fix. Start with: descend doctor train.py",
)


@app.command(context_settings=PASS_ON, epilog=EPILOG)
def doctor(  # noqa: PLR0913 - each argument is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    quick: Quick = False,
    budget: Budget = None,
    steps: Annotated[
        int | None,
        number(
            "--steps",
            1,
            MOST_STEPS,
            help="Observe at most this many optimizer steps. Default: 1000; after 5 s of training, 300 are enough.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        number(
            "--seconds",
            0.001,
            10_000_000.0,
            kind=float,
            help="Observe at most this many seconds of training, not counting the measurements, and wait as long for "
            "the training to begin. Default: 60, and 600 for the beginning.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        number(
            "--seeds",
            2,
            1000,
            help="Confirm a fix on this many new seeds, and on as many more if the result is still unclear.",
            panel=TRIALS,
        ),
    ] = Plan.seeds,
    seed: Seed = Plan.seed,
    jobs: Annotated[
        int | None,
        number(
            "--jobs", 1, MOST_PROCESSES, help="Run this many trials in parallel. Default: one per core.", panel=TRIALS
        ),
    ] = None,
    ray: Ray = None,
    trials: Trials = Plan.trials,
    suggest: Suggest = False,
    select: Select = None,
    ignore: Ignore = None,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply",
            help="Write the proved patch into the script, unless the script has changed in the meantime. descend asks "
            "for confirmation before it changes a file outside the current directory.",
        ),
    ] = False,
    allow_effects: AllowEffects = False,
    sandbox: SandboxLevel = "auto",
    format: CaseFormat = None,
    verbose: Verbose = False,
    store: Where = DEFAULT_STORE,
    processes: Processes = None,
    python: Python = None,
) -> None:
    """Find out why SCRIPT isn't training, try fixes on copies of it, and prove one of them.

    The script runs unmodified in a scratch copy of the working directory. descend observes the first optimizer
    steps and measures the training loop, the inputs, the activations and the curvature. It then edits the source,
    one fix at a time, and runs each edited copy with the same seed, the same batches and the same number of steps.

    Writes outside the copy are redirected to the run's own version of the file. Network connections, signals to other
    processes and programs that could change something are refused; worker processes of a DataLoader are allowed. The
    report lists both. At the start, descend prints what the chosen --sandbox cannot prevent.

    A script for torchrun runs as a group of processes: as many as torchrun has started, or --nproc-per-node.

    Examples:

    - descend doctor train.py --epochs 3
    - descend doctor -m package.train
    - descend doctor notebook.ipynb
    """
    from descend.doctor.commands.doctor_plan import plan_from
    from descend.doctor.record.store import open_store
    from descend.doctor.run_doctor import diagnose_script
    from descend.doctor.sandbox.world import is_other_rank
    from descend.doctor.script.script import open_script

    if is_other_rank(os.environ):
        return  # only the first process of a torchrun group runs the doctor
    plan = plan_from(context.params)
    script_of = open_script(script, tuple(arguments or ()), as_module=as_module, python=python)
    with script_of as target, open_store(store) as kept:
        case = diagnose_script(target, replace(plan, began=IMPORT_TIME_S), kept, ray)
        finish(case, target, kept, store, format=format, verbose=verbose)
        if apply:
            write_patch_or_report(case, kept.folder)
        sys.exit(case.exit_status)


app.command(context_settings=PASS_ON, epilog=PROVE_EPILOG)(prove)
app.command(context_settings=PASS_ON, epilog=COMPARE_EPILOG)(compare)
app.command(context_settings=PASS_ON, epilog=WATCH_EPILOG)(watch)


app.command(epilog=EPILOG)(diagnose)
app.command(context_settings=PASS_ON, epilog=GRADCHECK_EPILOG)(gradcheck)
app.command(epilog=APPLY_EPILOG)(apply)
app.command()(export)
app.command()(mcp)
app.add_typer(lab.app, name="lab")
app.add_typer(lab.app, name="show", hidden=True)  # the earlier name of `descend lab`
app.command(context_settings=PASS_ON)(layout)
app.command(epilog=CLAIMS_EPILOG)(claims)
app.command(epilog=DISCOVER_EPILOG)(discover)
app.command()(report)
app.command()(runs)
app.command()(explain)


def main() -> NoReturn:
    """Run the command line. A usage error prints one line and exits with status 2. An internal error exits with 5."""
    catch_signals()
    prepare_output()
    try:
        _require_directory()
        try:
            sys.exit(command_status(app(standalone_mode=False)))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # Flush here: an error such as a full disk cannot be reported while Python exits.
    except UsageError as error:
        say(str(error))
    except TyperException as error:
        say(usage_message(error))
    except (KeyboardInterrupt, typer.Abort) as error:
        sys.exit(interruption_status(error))
    except SystemExit as left:
        # On a broken pipe typer exits with status 1, which in descend means that problems were found.
        if isinstance(left.__context__, BrokenPipeError):
            sys.exit(report_failure(left.__context__))
        raise
    except Exception as error:
        sys.exit(report_failure(error))
    sys.exit(WRONG_USAGE)


def _require_directory() -> None:
    """Raise `UsageError` if the current directory no longer exists."""
    try:
        os.getcwd()
    except OSError:
        raise UsageError("the current directory no longer exists: change to another directory") from None


@app.callback(invoke_without_command=True)
def _print_version_or_help(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Print the version or the help if that is requested; otherwise read the defaults from pyproject.toml."""
    if version or context.invoked_subcommand is None:
        typer.echo(f"descend {__version__}" if version else context.get_help())
        raise typer.Exit
    set_project_defaults(context)
