"""Run the comparison of `descend prove` or `descend compare` with its progress and its cost, and print the results."""

import os
import sys
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from descend.doctor.script.plan import Plan

if TYPE_CHECKING:
    from rich.console import RenderableType

    from descend.doctor.commands.comparison_options import ComparisonFormat
    from descend.doctor.compare.result import CompareResult
    from descend.doctor.observe import Show
    from descend.doctor.prove.paired_runs import Announce
    from descend.doctor.prove.result import ProveResult
    from descend.doctor.record.store import Store

Result = TypeVar("Result", "ProveResult", "CompareResult")


def run_with_progress(plan: Plan, run: "Callable[[Show, Announce], Result]", slots: int) -> Result:
    """Run a comparison and return its results. The progress and the cost are printed on standard error.

    slots: the number of runs that are made at the same time.
    """
    from descend.doctor.commands.progress_display import ProgressDisplay
    from descend.doctor.commands.terminal import console, say
    from descend.doctor.report.formatting import count, duration
    from descend.doctor.sandbox.confinement import sandbox_message

    if not plan.allow_effects and (left_open := sandbox_message(plan.sandbox)):
        say(left_open)

    with ProgressDisplay(console(stderr=True), plan) as display:

        def announce(run_s: float, runs: int, later: int) -> None:
            """Print what all runs that are planned cost."""
            display.plan_runs(runs, later)
            if isfinite(run_s):
                total_s = run_s * (-(-runs // slots) + -(-later // slots))
                listed = f"{count(runs, 'run')} to tune the choices and {count(later, 'run')} on fresh seeds"
                planned = listed if later else count(runs, "more run")
                say(f"one run takes about {duration(run_s)}; {planned} take about {duration(total_s)}")

        return run(display.show, announce)


def finish_comparison(
    result: Result,
    store: "Store",
    format: "ComparisonFormat | None",
    keep: "Callable[[Result, Store], str]",
    show: "Callable[[Result, Path | None], RenderableType]",
    renderers: Mapping[str, Callable[[Result], str]],
) -> None:
    """Store the results, and print them. If storing fails, print one line.

    keep: stores the results and returns an error message. show: returns the results for the terminal; it gets the
    folder in which they are stored. renderers: return the results in the other formats.
    """
    from descend.doctor.commands.coding_assistant import default_format
    from descend.doctor.commands.terminal import console, pass_on_error, say

    failure = keep(result, store)
    folder = store.folder / str(result.baseline.run) if result.baseline.run and not failure else None
    if result.has_failed and result.baseline.ending:
        pass_on_error(result.baseline.ending.error)
    chosen = format or default_format(os.environ)
    if chosen == "text":
        console().print(show(result, folder))
    else:
        typer.echo(renderers[chosen](result))
    sys.stdout.flush()
    if failure := store.failure or failure:
        say(f"some results could not be stored: {failure}")
