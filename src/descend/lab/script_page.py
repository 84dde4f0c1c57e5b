"""The part that several commands share: run a script, measure it at points of its run, and write the page."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_STEPS, command_line, number
from descend.doctor.commands.single_run import run_once, status_of
from descend.doctor.commands.terminal import console, say
from descend.doctor.script.run_names import EndReason

if TYPE_CHECKING:
    from descend.doctor.record import Record, facts
    from descend.doctor.report.figure import Figure
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script
    from descend.lab.pages.table import Table

FOLLOWED_STEPS = 20  # number of steps over which the path of the parameters is recorded after each point
GATHERING_STEPS = 40  # number of steps after which the examples for the measurements have been collected

At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="POINTS",
        help="Points of the run to measure: first, last or a step number. Separate several points with commas.",
    ),
]
Steps = Annotated[
    int | None,
    number(
        "--steps",
        1,
        MOST_STEPS,
        help="Run at most this many steps. Default: as many as needed to reach the points of --at; 1000 for `last`.",
    ),
]
Evaluation = Annotated[
    bool, typer.Option("--evaluation", help="Measure in evaluation mode: without dropout, with running statistics.")
]


def plan_for(what: str, at: str, steps: int | None, **settings: Any) -> "Plan":
    """Return the settings of a run that is measured at the points in `at`. Raise `UsageError` for invalid points."""
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
                raise UsageError(f"--at must be first, last or step numbers, such as first,100,last, not {other!r}")
    furthest = max(wanted, default=0)
    if steps is not None and furthest >= steps:
        raise UsageError(f"--at {furthest} is not reached: only {steps} steps are run")
    known = {"what": what, "at": sorted({*wanted}), "last": last, "followed": FOLLOWED_STEPS}
    plan = Plan(role="show", jobs=1, asked=known | settings)
    if steps is None and last and furthest < plan.steps:
        return plan
    return plan.with_fixed_steps(steps or max(furthest + FOLLOWED_STEPS, GATHERING_STEPS))


@dataclass(frozen=True)
class PageContent:
    """The contents of a page about a run: its headline, its figures, and the measurements for `--format json`.

    kept: data that the page stores for the next run of the command. remarks: lines for standard error.
    """

    headline: str
    facts: Mapping[type[Any], str]
    figures: Callable[["Record"], "Sequence[Figure | Table]"]  # returns an empty list if nothing was measured
    kept: Callable[["Record"], Any] = lambda record: None
    remarks: Callable[["Record"], Sequence[str]] = lambda record: ()


def write_script_page(
    context: typer.Context, script: "Script", plan: "Plan", content: PageContent, out: Path, *, as_json: bool
) -> None:
    """Run the script, write the page, print its tables or measurements, and exit with the script's status.

    After an interruption, the measurements so far are shown. Raise `UsageError` if nothing was measured.
    """
    import json

    from descend.doctor.redaction import mask_secrets_in
    from descend.doctor.report.document import check_writable
    from descend.doctor.report.figure import json_values
    from descend.lab.facts_as_json import facts_as_json
    from descend.lab.pages.page import write_figures_page
    from descend.lab.pages.table import Table

    check_writable(out)
    record = run_once(script, plan, _progress_message)
    figures = content.figures(record)
    is_interrupted = record.ending is not None and record.ending.reason == EndReason.INTERRUPTED
    if not figures and is_interrupted:
        say("interrupted before anything was measured")
    if not figures and status_of(record):
        sys.exit(status_of(record))  # The script's error message has already been printed.
    if not figures:
        raise UsageError(f"nothing to show: {_reason_for_empty_page(record, plan.asked['what'])}")
    command = f"{command_line(context)} {record.script}"
    write_figures_page(content.headline, _page_introduction(record, plan), command, figures, out, content.kept(record))
    if as_json:
        held = json_values(mask_secrets_in({"script": record.script, "facts": facts_as_json(record, content.facts)}))
        typer.echo(json.dumps(held, default=str, allow_nan=False))
    else:
        for table in (figure for figure in figures if isinstance(figure, Table)):
            console().print(table.on_console())
        for reason in dict.fromkeys(note.reason for note in record.notes if note.probe == plan.asked["what"]):
            say(f"not measured: {reason}")
    interruption = ["interrupted: the page shows what was measured before the interruption"] * is_interrupted
    for remark in [*_randomness_remarks(record, plan), *content.remarks(record), *interruption]:
        say(remark)
    typer.echo(out, err=as_json)
    sys.exit(status_of(record))


def _page_introduction(record: "Record", plan: "Plan") -> str:
    """Return the text below a page's headline: the script, the number of measured examples and the number of steps."""
    from descend.doctor.record import facts

    monitor = record.fact(facts.Monitor)
    loss = f"The loss of {record.script} on {monitor.distinct if monitor else 'the first'} of its examples"
    interrupted = ", interrupted" if record.ending and record.ending.reason == EndReason.INTERRUPTED else ""
    return " ".join([f"{loss}, over {record.steps} steps{interrupted}.", *_randomness_remarks(record, plan)])


def _randomness_remarks(record: "Record", plan: "Plan") -> list[str]:
    """Return a list with one remark if the loss depends on random numbers; an empty list otherwise."""
    from descend.doctor.record import facts

    evaluation = bool(plan.asked.get("evaluation")) or plan.asked["what"] == "symmetry"
    monitor = record.fact(facts.Monitor)
    draws = monitor is not None and evaluation in monitor.draws
    return ["The loss depends on random numbers, which are the same for every evaluation."] * draws


def _progress_message(record: "Record") -> str:
    """Return a text that shows the progress of the run: its current step and measurement."""
    from descend.doctor.record import facts

    begun = list(record.every(facts.Measuring).items())
    return f"step {record.steps}{_measurement_message(*begun[-1]) if begun else ''}"


def _measurement_message(label: str, measuring: "facts.Measuring") -> str:
    """Return a text that shows the progress of a measurement at a point of the run, and how long it takes at most."""
    if not measuring.what:
        return ""
    message = f"; {measuring.what} at {label}"
    if not measuring.done or not measuring.most:
        return message
    left_s = measuring.seconds / measuring.done * (measuring.most - measuring.done)
    return f"{message}: {measuring.done} of at most {measuring.most} products, at most {left_s:.0f} s left"


def _reason_for_empty_page(record: "Record", what: str) -> str:
    """Return the reason why a run has no measurements, as a sentence without a full stop."""
    from descend.doctor.record import facts

    reasons = [note.reason for note in record.notes if note.probe in (what, "tape", "observer")]
    if reasons:
        return reasons[0]
    if not record.steps:
        return "no optimizer step was taken"
    if record.fact(facts.Monitor) is None:
        return f"in {record.steps} steps no gradient reached the parameters: the loss does not depend on them"
    return f"no point of --at was reached in {record.steps} steps"
