"""What the commands share that show something of a script: where in its run, how it is run, what is written."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.doctor.commands.options import MOST_STEPS, as_typed, number
from descend.doctor.commands.single_run import run_once, status_of
from descend.doctor.commands.terminal import console, say
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Record
    from descend.doctor.report.figure import Figure
    from descend.doctor.report.table import Table
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script

FOLLOWED = 20  # steps of the run after a point, over which its way is seen
GATHERING = 40  # steps within which the fixed examples are there

At = Annotated[str, typer.Option("--at", metavar="POINTS", help="Where: first, last or a step; several with commas.")]
Steps = Annotated[
    int | None,
    number("--steps", 1, MOST_STEPS, help="Run so many steps at most. Default: what the points need; for last 1000."),
]
Evaluation = Annotated[
    bool, typer.Option("--evaluation", help="In evaluation mode: no dropout, normalised by running statistics.")
]


def plan_for(what: str, at: str, steps: int | None, **asked: Any) -> "Plan":
    """Return the plan of a run that shows something at some points. Raises `UsageError` for points there are not."""
    from descend.doctor.script.plan import Plan

    wanted, last = list[int](), False
    for point in at.split(","):
        match point.strip():
            case "first":
                wanted.append(0)
            case "last":
                last = True
            case step if step.isdecimal() and len(step) <= len(str(MOST_STEPS)):
                wanted.append(int(step))
            case other:
                raise UsageError(f"--at must be first, last or steps, as in first,100,last; not {other!r}")
    furthest = max(wanted, default=0)
    if steps is not None and furthest >= steps:
        raise UsageError(f"--at {furthest} is not before the end of the {steps} steps that are run")
    known = {"what": what, "at": sorted({*wanted}), "last": last, "followed": FOLLOWED}
    plan = Plan(role="show", jobs=1, asked=known | asked)
    if steps is None and last and furthest < plan.steps:
        return plan
    return plan.fixed_at(steps or max(furthest + FOLLOWED, GATHERING))


@dataclass(frozen=True)
class Shown:
    """What is made of a record: a page under a headline, and the facts that it rests on, by their printed names.

    kept: what the page holds for another run of the command. remarks: what else is said on standard error.
    """

    headline: str
    facts: Mapping[type[Any], str]
    pictures: Callable[["Record"], "Sequence[Figure | Table]"]  # none where nothing was measured
    kept: Callable[["Record"], Any] = lambda record: None
    remarks: Callable[["Record"], Sequence[str]] = lambda record: ()


def show(context: typer.Context, script: "Script", plan: "Plan", shown: Shown, out: Path, *, as_json: bool) -> None:
    """Run the script, write the page, print its tables, or the facts as JSON; end with the script's exit status.

    Of an interrupted run it shows what there is. Raises `UsageError` where nothing was measured.
    """
    import json

    from descend.doctor.redaction import cleaned
    from descend.doctor.report.document import check_writable, write_pictures
    from descend.doctor.report.figure import json_values
    from descend.doctor.report.printed import printed
    from descend.doctor.report.table import Table

    check_writable(out)
    record = run_once(script, plan, _words)
    pictures = shown.pictures(record)
    is_interrupted = record.ending is not None and record.ending.reason == "interrupted"
    if not pictures and is_interrupted:
        say("interrupted before anything was measured")
    if not pictures and status_of(record):
        sys.exit(status_of(record))  # and the reason has been said
    if not pictures:
        raise UsageError(f"nothing to show: {_why_not(record, plan.asked['what'])}")
    command = f"{as_typed(context)} {record.script}"
    write_pictures(shown.headline, _standfirst(record, plan), command, pictures, out, shown.kept(record))
    if as_json:
        held = json_values(cleaned({"script": record.script, "facts": printed(record, shown.facts)}))
        typer.echo(json.dumps(held, default=str, allow_nan=False))
    else:
        for table in (picture for picture in pictures if isinstance(picture, Table)):
            console().print(table.on_console())
        for reason in dict.fromkeys(note.reason for note in record.notes if note.probe == plan.asked["what"]):
            say(f"not measured: {reason}")
    parting = ["interrupted: this is what had been measured until then"] * is_interrupted
    for remark in [*_draws(record, plan), *shown.remarks(record), *parting]:
        say(remark)
    typer.echo(out, err=as_json)
    sys.exit(status_of(record))


def _standfirst(record: "Record", plan: "Plan") -> str:
    from descend.doctor.record import facts

    monitor = record.fact(facts.Monitor)
    of = f"The cost of {record.script} on {monitor.distinct if monitor else 'its first'} of its examples"
    interrupted = ", interrupted" if record.ending and record.ending.reason == "interrupted" else ""
    return " ".join([f"{of}, over {record.steps} steps{interrupted}.", *_draws(record, plan)])


def _draws(record: "Record", plan: "Plan") -> list[str]:
    from descend.doctor.record import facts

    evaluation = bool(plan.asked.get("evaluation")) or plan.asked["what"] == "symmetry"
    monitor = record.fact(facts.Monitor)
    draws = monitor is not None and evaluation in monitor.draws
    return ["The cost draws random numbers; whenever it is computed they are the same."] * draws


def _words(record: "Record") -> str:
    """Say how far the run is."""
    from descend.doctor.record import facts

    begun = list(record.every(facts.Measuring).items())
    doing = f"; {begun[-1][1].what} at {begun[-1][0]}" if begun else ""
    return f"step {record.steps}{doing}"


def _why_not(record: "Record", what: str) -> str:
    from descend.doctor.record import facts

    reasons = [note.reason for note in record.notes if note.probe in (what, "tape", "observer")]
    if reasons:
        return reasons[0]
    if not record.steps:
        return "no optimizer step was taken"
    if record.fact(facts.Monitor) is None:
        return f"in {record.steps} steps no gradient reached the parameters: the loss does not depend on them"
    return f"no point that was asked for was reached in {record.steps} steps"
