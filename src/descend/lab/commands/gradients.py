"""`descend lab gradients train.py`: the statistics of a script's gradients at points of its run."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.lab.batch_size_runs import read_batch_sizes, run_with_batch_sizes, runs_to_target
from descend.lab.script_page import At, Evaluation, PageContent, Steps, plan_for, write_script_page

if TYPE_CHECKING:
    from descend.doctor.record import Record
    from descend.doctor.report.figure import Figure
    from descend.doctor.script.script import Script
    from descend.lab.pages.table import Table


def gradients(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: At = "first",
    steps: Steps = None,
    evaluation: Evaluation = False,
    batches: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES",
            help="Also run the script with these batch sizes, such as 8,64,512, until all reach the same loss.",
        ),
    ] = None,
    target: Annotated[
        float | None,
        number(
            "--target",
            -1e12,
            1e12,
            kind=float,
            help="With --batches: the training loss to reach. Default: the lowest loss that is reached with all sizes.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("gradients.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and compare the gradients of its batches with the gradient of all examples.

    Shows whether batch gradients are unbiased, how their variance falls with the batch size and with momentum, the
    gradient noise scale, and how far the noise spreads the weights at each learning rate.
    """
    from descend.doctor.script.script import open_script
    from descend.lab.pages.gradient_figures import FACTS, gradient_figures, gradient_remarks

    sizes = read_batch_sizes(batches) if batches is not None else []
    if target is not None and not sizes:
        raise UsageError("--target needs --batches: it is the loss that the runs of --batches must reach")
    plan = plan_for("gradients", at, steps, evaluation=evaluation)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as it:

        def make_figures(record: "Record") -> "list[Figure | Table]":
            """Return the figures and tables that show the measurements in a record."""
            found = gradient_figures(record)
            return found + _compare_batch_sizes(it, record, sizes, target) if found and sizes else found

        write_script_page(
            context,
            it,
            plan,
            PageContent("Gradients", FACTS, make_figures, remarks=gradient_remarks),
            out,
            as_json=format == "json",
        )


def _compare_batch_sizes(
    script: "Script", record: "Record", sizes: list[int], target: float | None
) -> "list[Figure | Table]":
    """Run the script with other batch sizes, and return the figures and tables that compare these runs."""
    from descend.doctor.record import Fact, facts
    from descend.lab.pages.batch_size_figures import batch_size_figures
    from descend.lab.pages.gradient_figures import measured_points

    runs, interruption = run_with_batch_sizes(script, record, sizes)
    if interruption is not None:  # Ctrl-C ends the whole command, not only one run.
        record.add(interruption)
        return []
    if not runs:
        raise UsageError("no run with another batch size took enough steps")
    first = measured_points(record)[0]
    reached, found = runs_to_target(runs, first.noise.loss, target)
    for run in found:
        fact = facts.BatchRun(
            size=run.size,
            lr=run.lr,
            steps=_finite_or_none(run.steps),
            seconds=_finite_or_none(run.seconds),
            step_seconds=_finite_or_none(run.step_seconds),
            kept_bytes=int(run.kept_bytes) if isfinite(run.kept_bytes) else None,
            target=reached,
        )
        record.add(Fact.of(fact, 0, str(run.size)))
    return batch_size_figures(found, reached, first.noise_scale[0])


def _finite_or_none(value: float) -> float | None:
    """Return the value if it is finite; None for infinities and NaN."""
    return value if isfinite(value) else None
