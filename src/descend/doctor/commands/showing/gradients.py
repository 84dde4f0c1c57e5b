"""`descend show gradients train.py`: the statistics of a script's own gradients, at points of its run."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.doctor.commands.showing.batch_runs import compared, sized_runs, sizes_of
from descend.doctor.commands.showing.of_script import At, Evaluation, Shown, Steps, plan_for, show
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Record
    from descend.doctor.report.figure import Figure
    from descend.doctor.report.table import Table
    from descend.doctor.script.script import Script


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
            metavar="SIZES", help="Run it again with batches of these sizes, as in 8,64,512, to the same loss."
        ),
    ] = None,
    target: Annotated[
        float | None,
        number(
            "--target",
            -1e12,
            1e12,
            kind=float,
            help="With --batches: the training loss. Default: the lowest that all sizes reach that train.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("gradients.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and show how its batches' gradients scatter about the gradient of all examples.

    Whether they are right on average, how their variance falls with the size of the batch and with momentum, the
    gradient noise scale, and how far the noise spreads the weights at each learning rate.
    """
    from descend.doctor.report.gradient_picture import FACTS, gradient_pictures, gradient_remarks
    from descend.doctor.script.script import opened

    sizes = sizes_of(batches) if batches is not None else []
    if target is not None and not sizes:
        raise UsageError("--target is the loss that the runs of --batches go to, and no --batches was given")
    plan = plan_for("gradients", at, steps, evaluation=evaluation)
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as it:

        def pictures(record: "Record") -> "list[Figure | Table]":
            found = gradient_pictures(record)
            return found + _sizes(it, record, sizes, target) if found and sizes else found

        show(
            context,
            it,
            plan,
            Shown("Gradients", FACTS, pictures, remarks=gradient_remarks),
            out,
            as_json=format == "json",
        )


def _sizes(script: "Script", record: "Record", sizes: list[int], target: float | None) -> "list[Figure | Table]":
    from descend.doctor.record import Fact, facts
    from descend.doctor.report.batch_picture import batch_pictures
    from descend.doctor.report.gradient_picture import looked_at

    runs, interruption = sized_runs(script, record, sizes)
    if interruption is not None:  # it ends the whole command, not one run of it
        record.add(interruption)
        return []
    if not runs:
        raise UsageError("no run with batches of another size came to a few steps")
    first = looked_at(record)[0]
    reached, found = compared(runs, first.noise.loss, target)
    for run in found:
        told = facts.BatchRun(
            size=run.size,
            lr=run.lr,
            steps=_known(run.steps),
            seconds=_known(run.seconds),
            step_seconds=_known(run.step_seconds),
            kept_bytes=int(run.kept_bytes) if isfinite(run.kept_bytes) else None,
            target=reached,
        )
        record.add(Fact.of(told, 0, str(run.size)))
    return batch_pictures(found, reached, first.noise_scale[0])


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
