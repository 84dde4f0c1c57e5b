"""`descend show trajectories`: where the update rules go on a cost of two parameters, played step by step."""

import json
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.doctor.commands.options import MOST_SEED, Format, as_typed, number
from descend.doctor.commands.terminal import console
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.trajectories import Surface, Trajectory

RULES = "SGD,Momentum,Nesterov,Adagrad,Adadelta,RMSprop,Adam"  # of Ruder 2017, Visualization of algorithms, and Adam
MOST_STEPS, MOST_SIDE = 5000, 25
MOST_NUMBERS = 6_000_000  # in the page, 4 bytes each


def trajectories(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    surface: Annotated[
        str,
        typer.Option(
            metavar="SURFACE",
            help="ravine, saddle, beale, rosenbrock, cliff, two-minima, plateau, FILE.py:NAME (a function of two "
            'tensors, x and y), or an expression: "x**2 + 10*y**2".',
        ),
    ] = "beale",
    rules: Annotated[
        str, typer.Option(metavar="RULES", help='Of descend.optim, with options if need be: "SGD(momentum=0.9),Adam".')
    ] = RULES,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="RATES",
            help="For all rules, 0.1; several for each, 0.9,1.5,2.5; or by name, SGD=0.1,Adam=0.01. Default: the best "
            "of a small search for each rule.",
        ),
    ] = None,
    steps: Annotated[int, number("--steps", 1, MOST_STEPS, help="Steps to take.")] = 200,
    start: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Where to begin. Default: the surface's own.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(metavar="X0,X1,Y0,Y1", help="The part that is drawn. Default: the surface's own.")
    ] = None,
    starts: Annotated[
        int,
        number("--starts", 1, MOST_SIDE, help="A grid of so many starts along each side, to be clicked on."),
    ] = 7,
    noise: Annotated[
        float,
        number("--noise", 0, 1e12, kind=float, help="Standard deviation of the normal noise on each gradient."),
    ] = 0.0,
    condition_number: Annotated[
        float | None,
        number(
            "--condition-number",
            1,
            1e12,
            kind=float,
            help="Of the ravine: its largest curvature, 1, over its smallest. Default: 50.",
        ),
    ] = None,
    rotate: Annotated[
        float,
        number(
            "--rotate",
            -3600,
            3600,
            kind=float,
            metavar="DEGREES",
            help="Turn the surface, its start and its minima.",
        ),
    ] = 0.0,
    ode: Annotated[
        bool, typer.Option("--ode", help="Beside Momentum, the differential equation that it discretises.")
    ] = False,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="Of the noise.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("trajectories.html"),
    format: Format = "text",
) -> None:
    """Draw where update rules go on a cost of two parameters, into an HTML file that plays it, and print how they end.

    The seven rules of Ruder's two animations are shown by descend show trajectories --surface beale, and by
    --surface saddle. A rule takes the steps that its optimizer takes.
    """
    from descend.doctor.commands.showing.trajectory_page import MOST_LINES, write_page
    from descend.doctor.commands.showing.trajectory_tables import eigenvector_table, ends_table, facts, point
    from descend.trajectories import along_eigenvectors, chosen, differential_equations, read_rates, with_rates
    from descend.trajectories import surface as read_surface
    from descend.trajectories import trajectories as follow

    across = _numbers(window, 4, "--window") if window else None
    found = read_surface(
        surface,
        None if across is None else ((across[0], across[1]), (across[2], across[3])),
        _pair(_numbers(start, 2, "--start")) if start else None,
        condition_number,
    ).rotated(rotate)
    asked = chosen(rules)
    asked = read_rates(lr, asked) if lr is not None else asked
    begun = found.starts(starts)
    _check_size(len(asked), MOST_LINES, len(begun) * (steps + 1) * (2 if ode else 1))
    asked = with_rates(found, asked, steps)
    gone = follow(found, asked, begun, steps, noise=noise, seed=seed)
    along = along_eigenvectors(found, gone)
    if ode:
        gone += _equations(differential_equations(found, asked, begun, steps))
    tables = [ends_table(found, gone), *([eigenvector_table(along)] if along else [])]
    standfirst = f"{found.formula}: where each rule goes from {point(found.start)} in {steps} steps."
    shown = {"headline": _headline(found), "standfirst": standfirst, "remarks": _remarks(found, gone, noise)}
    write_page(found, gone, begun, {**shown, "command": as_typed(context), "tables": tables}, out)
    if format == "json":
        typer.echo(json.dumps({**facts(found, gone, along), "noise": noise, "seed": seed}, allow_nan=False))
    else:
        for table in tables:
            console().print(table.on_console())
    typer.echo(out, err=format == "json")


def _numbers(text: str, amount: int, option: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != amount or not all(map(isfinite, values)):
        raise UsageError(f"{option} must be {amount} numbers with commas, not {text!r}")
    return values


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]


def _check_size(lines: int, most: int, points: int) -> None:
    if lines > most:
        raise UsageError(f"at most {most} lines can be told apart in one picture, not {lines}; ask for fewer rules")
    if 3 * lines * points > MOST_NUMBERS:
        raise UsageError(
            f"the page would hold {3 * lines * points:,} numbers, and {MOST_NUMBERS:,} at most; take fewer --steps, "
            "--starts or --rules"
        )


def _equations(found: "list[Trajectory]") -> "list[Trajectory]":
    if not found:
        raise UsageError("--ode is drawn beside Momentum with a momentum between 0 and 1; add it to --rules")
    return found


def _headline(surface: "Surface") -> str:
    from descend.trajectories import TEXTBOOK

    names = {"two-minima": "Two minima", "beale": "Beale’s function", "rosenbrock": "Rosenbrock’s function"}
    return names.get(surface.name, surface.name.capitalize() if surface.name in TEXTBOOK else "Trajectories")


def _remarks(surface: "Surface", found: "list[Trajectory]", noise: float) -> list[str]:
    told = [f"The surface: {surface.source}."] if surface.source else []
    if any(one.rule.how == "searched" for one in found):
        told.append(
            "A rate that was not given was searched: of 1, 2 and 5 times the powers of ten from 0.0001 to 500 with "
            "which the rule goes no more than half a window out of view, the one whose logarithm of the cost above "
            "the lowest is least on average over these steps, from this start and without noise."
        )
    if own := [one.rule.name for one in found if one.rule.how == "default"]:
        told.append(f"{', '.join(dict.fromkeys(own))}: what the rule itself measures is multiplied by the rate.")
    if noise:
        told.append(f"Every gradient has normal noise of standard deviation {noise:g}: the same for all rules.")
    return told
