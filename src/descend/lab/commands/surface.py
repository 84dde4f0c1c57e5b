"""`descend lab surface train.py`: the loss of a script on a plane of its parameters, with the path of the run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_SEED, Arguments, AsModule, Format, Python, Target, number
from descend.lab.script_page import Evaluation, PageContent, Steps, plan_for, write_script_page

if TYPE_CHECKING:
    from descend.doctor.script.plan import Plan

POINTS = {1: 65, 2: 625}  # default number of computed points, by the number of axes
MOST_POINTS = 129**2  # largest number of points: that of the finest grid of a plane

Directions = Literal["random", "eigenvectors", "path"]


def surface(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: Annotated[
        str, typer.Option("--at", metavar="POINT", help="The weights at the centre: first, last or a step.")
    ] = ("last"),
    steps: Steps = None,
    directions: Annotated[
        Directions,
        typer.Option(
            help="random: random directions, scaled to the filter norms. eigenvectors: those with the "
            "largest curvature. path: the two main directions of the run's path."
        ),
    ] = "random",
    is_one_d: Annotated[
        bool,
        typer.Option(
            "--one-d",
            help="Draw lines instead of a plane, one for each direction. With path: one line, from the first to the "
            "last weights.",
        ),
    ] = False,
    through: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the line to the weights in this file, written by torch.save; they can be another minimum.",
        ),
    ] = None,
    points: Annotated[
        int | None,
        number(
            "--points",
            9,
            MOST_POINTS,
            help="The number of computed points. Default: 625 for a plane, 65 for each line.",
        ),
    ] = None,
    reach: Annotated[
        float, number("--reach", 1e-6, 1e6, kind=float, help="A factor that multiplies the drawn range.")
    ] = 1.0,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the random directions.")] = 0,
    evaluation: Evaluation = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("surface.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and draw its loss on a plane of its parameters, or along lines.

    The loss is computed on the script's first examples. After an interruption, the finished part is drawn, and the
    same command continues the computation.
    """
    from descend.core.grid import FINEST
    from descend.doctor.script.script import open_script
    from descend.lab.pages.surface_figures import FACTS, stored_values, surface_figures, surface_remarks

    if through is not None and directions != "random":
        raise UsageError(f"--through already determines the direction; leave out --directions {directions}")
    if through is not None and not through.is_file():
        raise UsageError(f"there is no file {through}")
    is_one_d = is_one_d or through is not None
    axes = 1 if is_one_d else 2
    most = (FINEST[axes] + 1) ** axes
    points = points or POINTS[axes]
    if points > most:
        raise UsageError(f"--points must be at most {most}, not {points}")
    other = str(through.absolute()) if through else None
    named = "through" if through else directions
    settings = {
        "directions": named,
        "other": other,
        "is_one_d": is_one_d,
        "points": points,
        "seed": seed,
        "reach": reach,
    }
    plan = plan_for("surface", at, steps, evaluation=evaluation, page=str(out.absolute()), origin=None, **settings)
    if len(plan.asked["at"]) + plan.asked["last"] != 1:
        raise UsageError(f"--at must be a single point of the run, not {at}")
    if directions == "path":
        plan = _plan_complete_run(plan, steps)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        write_script_page(
            context,
            target,
            plan,
            PageContent("The loss surface", FACTS, surface_figures, stored_values, surface_remarks),
            out,
            as_json=format == "json",
        )


def _plan_complete_run(plan: "Plan", steps: int | None) -> "Plan":
    """Return a plan that records the path of the whole run, and computes the loss on the plane after the last step."""
    origin = plan.asked["at"][0] if plan.asked["at"] else None
    asked = {**plan.asked, "at": [], "last": True, "followed": 0, "origin": origin}
    return replace(plan_for("surface", "last", steps), asked=asked)
