"""`descend show surface train.py`: the cost of a script upon a plane of its weights, with the run's path upon it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from descend.doctor.commands.options import MOST_SEED, Arguments, AsModule, Format, Python, Target, number
from descend.doctor.commands.showing.of_script import Evaluation, Shown, Steps, plan_for, show
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.script.plan import Plan

POINTS = {1: 65, 2: 625}  # values, by the number of axes
MOST_POINTS = 129**2  # of the finest grid of a plane

Directions = Literal["random", "eigenvectors", "path"]


def surface(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: Annotated[str, typer.Option("--at", metavar="POINT", help="Around which weights: first, last or a step.")] = (
        "last"
    ),
    steps: Steps = None,
    directions: Annotated[
        Directions,
        typer.Option(
            help="random: as long as the weights' own filters. eigenvectors: of most curvature. path: the plane that "
            "the run moves in most."
        ),
    ] = "random",
    is_one_d: Annotated[
        bool, typer.Option("--one-d", help="Lines, one for each direction; with path from the first to the last.")
    ] = False,
    through: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The straight line to the weights of this file, which torch.save wrote: from one minimum to another.",
        ),
    ] = None,
    points: Annotated[
        int | None,
        number("--points", 9, MOST_POINTS, help="So many values. Default: 625 of a plane, 65 of each line."),
    ] = None,
    reach: Annotated[float, number("--reach", 1e-6, 1e6, kind=float, help="So many times as far as by default.")] = 1.0,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="Of the random directions.")] = 0,
    evaluation: Evaluation = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("surface.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and draw its cost upon a plane of its weights, or along lines.

    The cost is that of the script's first examples. Interrupted, it draws what there is; the same command goes on.
    """
    from descend.doctor.report.surface_picture import FACTS, kept, remarks, surface_pictures
    from descend.doctor.script.script import opened
    from descend.ground.grid import FINEST

    if through is not None and directions != "random":
        raise UsageError(f"--through has a direction of its own: leave --directions {directions} out")
    if through is not None and not through.is_file():
        raise UsageError(f"there is no file {through}")
    is_one_d = is_one_d or through is not None
    axes = 1 if is_one_d else 2
    most = (FINEST[axes] + 1) ** axes
    points = points or POINTS[axes]
    if points > most:
        raise UsageError(f"--points must be at most {most}, not {points}: a finer grid is not drawn")
    other = str(through.absolute()) if through else None
    named = "through" if through else directions
    asked = {"directions": named, "other": other, "is_one_d": is_one_d, "points": points, "seed": seed, "reach": reach}
    plan = plan_for("surface", at, steps, evaluation=evaluation, page=str(out.absolute()), origin=None, **asked)
    if len(plan.asked["at"]) + plan.asked["last"] != 1:
        raise UsageError(f"--at must be one point of the run, not {at}")
    if directions == "path":
        plan = _to_the_end(plan, steps)
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        show(
            context,
            target,
            plan,
            Shown("The loss surface", FACTS, surface_pictures, kept, remarks),
            out,
            as_json=format == "json",
        )


def _to_the_end(plan: "Plan", steps: int | None) -> "Plan":
    """Return the plan of a run whose whole path is to be known before anything is drawn."""
    origin = plan.asked["at"][0] if plan.asked["at"] else None
    asked = {**plan.asked, "at": [], "last": True, "followed": 0, "origin": origin}
    return replace(plan_for("surface", "last", steps), asked=asked)
