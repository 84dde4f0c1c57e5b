"""`descend show curvature train.py`: the Hessian of a script's own cost, at points of its run."""

from pathlib import Path
from typing import Annotated

import typer

from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.doctor.commands.showing.of_script import Evaluation, Shown, Steps, plan_for, show
from descend.ground.errors import UsageError


def curvature(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="POINTS", help="first, last or a step; several with commas. Default: first,last."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="At the weights of this file instead: what torch.save wrote of a model's state."),
    ] = None,
    steps: Steps = None,
    top: Annotated[int, number("--top", 1, 30, help="So many of the largest eigenvalues.")] = 5,
    bottom: Annotated[int, number("--bottom", 1, 30, help="So many of the smallest.")] = 2,
    evaluation: Evaluation = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("curvature.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and show the Hessian of its cost: largest and smallest eigenvalues, density, trace.

    The cost is that of the script's first examples, at the weights that it has at each of the points.
    """
    from descend.doctor.report.curvature_picture import curvature_pictures
    from descend.doctor.report.curvature_summary import FACTS
    from descend.doctor.script.script import opened

    if checkpoint is not None and at is not None:
        raise UsageError("--at is of the run's own weights, and --checkpoint names others")
    if checkpoint is not None and not checkpoint.is_file():
        raise UsageError(f"there is no file {checkpoint}")
    saved = str(checkpoint.absolute()) if checkpoint else None
    points = "first" if checkpoint else at or "first,last"
    plan = plan_for("curvature", points, steps, evaluation=evaluation, top=top, bottom=bottom, checkpoint=saved)
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        show(context, target, plan, Shown("Curvature", FACTS, curvature_pictures), out, as_json=format == "json")
