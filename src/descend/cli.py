"""The command line: `descend doctor train.py`. Nothing heavy is imported before a command needs it."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from descend import __version__
from descend.doctor.commands import showing
from descend.doctor.commands.applying import EPILOG as APPLY_EPILOG
from descend.doctor.commands.applying import apply, write_or_say
from descend.doctor.commands.export import export
from descend.doctor.commands.gradcheck import gradcheck
from descend.doctor.commands.options import (
    DEFAULT_STORE,
    PASS_ON,
    Arguments,
    AsModule,
    Format,
    Ignore,
    Number,
    Processes,
    Python,
    Ray,
    Select,
    Suggest,
    Target,
    Trials,
    Where,
)
from descend.doctor.commands.showing.layout import layout
from descend.doctor.commands.watching.command import watch
from descend.doctor.script.plan import Plan, cores
from descend.ground.errors import INTERRUPTED, UsageError

if TYPE_CHECKING:
    from descend.doctor.case import Case
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script

EPILOG = "Exit status: 0 no finding (healthy or undecided), 1 findings, 2 bad usage; the script's own where it fails."
app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Finds out why a neural network isn't training, and proves the fix.",
)


@app.command(context_settings=PASS_ON, epilog=EPILOG)
def doctor(  # noqa: PLR0913 - each is an option of the command
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    steps: Annotated[
        int | None,
        typer.Option(help="Observe this many optimizer steps. Default: 1000; after 5 s, 300 are enough."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="... or this many seconds of training, measuring not counted. Default: 60, and 600 until it begins; "
            "given, it holds for both."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Fresh seeds that confirm a remedy; as many again where those leave it open.")
    ] = Plan.seeds,
    seed: Annotated[int, typer.Option(help="Added to every seed that the script sets.")] = Plan.seed,
    jobs: Annotated[int | None, typer.Option(help="Trials run side by side. Default: one per core.")] = None,
    processes: Processes = None,
    ray: Ray = None,
    trials: Trials = Plan.trials,
    suggest: Suggest = False,
    select: Select = None,
    ignore: Ignore = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the proven patch into the script, unless it was edited meanwhile.")
    ] = False,
    allow_effects: Annotated[
        bool,
        typer.Option("--allow-effects", help="Let the script write, connect and start programs outside its copy."),
    ] = False,
    sandbox: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="How it is kept apart: namespaces, landlock or hooks. Default: auto, the strongest there is here.",
        ),
    ] = "auto",
    format: Format = "text",
    store: Where = DEFAULT_STORE,
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy, say why it isn't training, try the remedies, and prove one.

    It observes the first optimizer steps, measures curvature, activations, inputs and wiring,
    then runs the script again with each textbook remedy applied: same seed, same batches, same number of steps,
    unless these are what the remedy changes.
    A script for torchrun is run as a group of its own, of as many processes as torchrun has started, or
    --nproc-per-node says; of one where this machine has fewer cores.
    What a Python program would write outside the copy, send to other processes or machines, or start, is refused and
    told; the kernel holds back libraries in C, too, as far as --sandbox says. What stays open is said at the start.
    """
    from descend.doctor.canon.diagnosis import check_ids
    from descend.doctor.record.store import open_store
    from descend.doctor.sandbox.confinement import available, left_open
    from descend.doctor.sandbox.world import is_told, processes_here
    from descend.doctor.script.script import opened

    check_ids([*(select or ()), *(ignore or ())])
    if is_told(os.environ) and os.environ["RANK"] != "0":
        return  # the first process of the group does it alone
    level = available(sandbox)
    if not allow_effects and (open_ways := left_open(level)):
        typer.echo(f"descend: {open_ways}", err=True)
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
        sandbox=level,
        processes=processes_here(os.environ, cores()) if processes is None else processes,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
    )
    script_of = opened(script, tuple(arguments or ()), as_module=as_module, python=python)
    with script_of as target, open_store(store) as kept:
        case = _consult(target, plan, kept, ray)
        _finish(case, target, kept, store, as_json=format == "json")
        if apply:
            write_or_say(case, kept.folder)
        sys.exit(case.exit_status[0])


app.command(context_settings=PASS_ON, epilog="Exit status: the script's own.")(watch)


@app.command()
def diagnose(run: Number = None, store: Where = DEFAULT_STORE, format: Format = "text") -> None:
    """Diagnose a recorded run again, without running anything."""
    from dataclasses import replace

    from descend.doctor.archive import load_case
    from descend.doctor.canon.diagnosis import diagnose as find
    from descend.doctor.concluding import conclude
    from descend.doctor.record.loading import intact
    from descend.doctor.record.store import open_existing
    from descend.doctor.trials.proof import Proof

    with open_existing(store) as kept:
        number = kept.number(run)
        known, folder = load_case(kept, number), kept.folder / str(number)
    with intact(f"run {number} in {kept.where}"):
        confirmed, dismissed = frozenset(s.id for s in known.findings), frozenset(known.dismissed)
        told = {s.id: s for s in (*known.findings, *known.suspicions)}  # by trials alone, too
        again = tuple((told | {s.id: s for s in find(known.record)}).values())
        proof = Proof(again, known.trials, confirmed, refuted=dismissed, judged=dismissed, changed=known.changed)
        proof = replace(proof, cure=known.cure, tuning=known.tuning, verified=known.verified)
        case = replace(conclude(known.record, proof), total_s=known.total_s)
        _print(case, format == "json", folder, store)
    sys.exit(1 if case.findings else 0)


app.command(context_settings=PASS_ON)(gradcheck)
app.command(epilog=APPLY_EPILOG)(apply)
app.command()(export)
app.add_typer(showing.app, name="show")
app.command(context_settings=PASS_ON)(layout)


@app.command()
def report(run: Number = None, store: Where = DEFAULT_STORE) -> None:
    """Write the HTML report of a recorded run again and print where it is."""
    from descend.doctor.archive import load_case
    from descend.doctor.record.loading import intact
    from descend.doctor.record.store import open_existing
    from descend.doctor.report import write_page

    with open_existing(store) as kept:
        number = kept.number(run)
        case, trial_runs = load_case(kept, number), kept.trial_runs(number)
        path = kept.folder / str(number) / "report.html"
    with intact(f"run {number} in {kept.where}"):
        write_page(case, trial_runs, path)
    typer.echo(path)


@app.command()
def runs(store: Where = DEFAULT_STORE) -> None:
    """List the recorded runs."""
    from rich.console import Console
    from rich.table import Table

    from descend.doctor.record.store import open_existing

    table = Table("run", "when (UTC)", "kind", "script", "steps", "ended", "findings", box=None)
    with open_existing(store) as kept:
        for row in kept.runs():
            when = row.started.strftime("%Y-%m-%d %H:%M") if row.started else ""
            cells = (row.number, when, row.role, row.script, row.steps, row.status, row.findings)
            table.add_row(*map(str, cells))
    Console().print(table)


@app.command()
def explain(
    symptom: Annotated[str, typer.Argument(help="A symptom's id, such as dead_units.")],
) -> None:
    """Say what a symptom is, how it is recognised, and what the literature prescribes."""
    from descend.doctor.canon.diagnosis import check_ids
    from descend.doctor.commands.explanations import explanation

    check_ids([symptom])
    typer.echo(explanation(symptom))


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line and status 2. A termination ends as Ctrl-C does."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup has it ignored
            signal.signal(ending, signal.default_int_handler)
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        print(f"descend: {_shown(str(error))}", file=sys.stderr)
    except TyperException as error:
        print(f"descend: {_shown(error.format_message())} (descend --help says more)", file=sys.stderr)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    sys.exit(2)


def _shown(text: str) -> str:
    from descend.doctor.redaction import clean

    return clean(text)


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version or context.invoked_subcommand is None:
        typer.echo(f"descend {__version__}" if version else context.get_help())
        raise typer.Exit


def _consult(script: "Script", plan: Plan, store: "Store", ray: str | None) -> "Case":
    from contextlib import nullcontext

    from rich.console import Console

    from descend.doctor.commands.live import Live
    from descend.doctor.trials.cluster import joined
    from descend.doctor.walk import doctor as consult

    with nullcontext() if ray is None else joined(ray, plan) as cluster, Live(Console(stderr=True), plan) as live:
        return consult(script, plan, store, live.show, cluster)


def _finish(case: "Case", script: "Script", kept: "Store", store: str, *, as_json: bool) -> None:
    from descend.doctor.archive import save_case
    from descend.doctor.redaction.private import make_folder
    from descend.doctor.report import write_page, write_patches
    from descend.doctor.report.wording import passed_on

    ending = case.record.ending
    if ending and ending.reason in ("failed", "killed"):
        sys.stderr.write(ending.error)
        typer.echo(f"descend: {passed_on(script.path.name, ending)}", err=True)
    if case.shortfall and not case.findings:
        raise UsageError(f"{script.path.name} {case.shortfall}")
    save_case(kept, case)
    folder = kept.folder / str(case.record.run)
    make_folder(folder)
    write_patches(case, folder)
    write_page(case, kept.trial_runs(case.record.run), folder / "report.html")
    _print(case, as_json, folder, store)


def _print(case: "Case", as_json: bool, folder: Path, store: str) -> None:
    from rich.console import Console

    from descend.doctor.report import render_console, render_json

    if as_json:
        typer.echo(render_json(case))
    else:
        Console().print(render_console(case, folder, store=store, has_page=(folder / "report.html").exists()))
