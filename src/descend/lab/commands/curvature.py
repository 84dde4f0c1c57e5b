"""`descend lab curvature train.py`: the Hessian of a script's loss at points of its run."""

from pathlib import Path
from typing import Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.lab.script_page import Evaluation, PageContent, Steps, plan_for, write_script_page


def curvature(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="POINTS",
            help="Points of the run: first, last or a step; separate several with commas. Default: first,last.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Use the weights in this file, a state_dict written by torch.save, instead of points of a run."
        ),
    ] = None,
    steps: Steps = None,
    top: Annotated[int, number("--top", 1, 30, help="The number of largest eigenvalues.")] = 5,
    bottom: Annotated[int, number("--bottom", 1, 30, help="The number of smallest eigenvalues.")] = 2,
    evaluation: Evaluation = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("curvature.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and show the Hessian of its loss: largest and smallest eigenvalues, density, trace.

    The loss is computed on the script's first examples, with the weights at each of the points.
    """
    from descend.doctor.script.script import open_script
    from descend.lab.pages.curvature_figures import curvature_figures
    from descend.lab.pages.curvature_table import FACTS

    if checkpoint is not None and at is not None:
        raise UsageError("--at and --checkpoint cannot be combined: both choose the weights")
    if checkpoint is not None and not checkpoint.is_file():
        raise UsageError(f"there is no file {checkpoint}")
    saved = str(checkpoint.absolute()) if checkpoint else None
    points = "first" if checkpoint else at or "first,last"
    plan = plan_for("curvature", points, steps, evaluation=evaluation, top=top, bottom=bottom, checkpoint=saved)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        write_script_page(
            context, target, plan, PageContent("Curvature", FACTS, curvature_figures), out, as_json=format == "json"
        )
