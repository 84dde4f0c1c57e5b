"""`descend lab trajectories`: the paths of optimizers on a function of two parameters, animated step by step."""

import json
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_SEED, Format, command_line, number
from descend.doctor.commands.terminal import console

if TYPE_CHECKING:
    from descend.trajectories import Surface, Trajectory

RULES = (
    # the optimizers in Ruder 2017, Visualization of algorithms, and Adam
    "SGD,Momentum,Nesterov,Adagrad,Adadelta,RMSprop,Adam"
)
MOST_STEPS, MOST_SIDE = 5000, 25
MOST_NUMBERS = 6_000_000  # largest number of values, of 4 bytes each, that the page stores


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
        str,
        typer.Option(
            metavar="RULES", help='Optimizers of descend.optim, with options if needed: "SGD(momentum=0.9),Adam".'
        ),
    ] = RULES,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="RATES",
            help="Learning rates: one for all optimizers (0.1), several for each optimizer (0.9,1.5,2.5), or one by "
            "name (SGD=0.1,Adam=0.01). Default: the best of a small search for each optimizer.",
        ),
    ] = None,
    steps: Annotated[int, number("--steps", 1, MOST_STEPS, help="The number of steps.")] = 200,
    start: Annotated[
        str | None, typer.Option(metavar="X,Y", help="The starting point. Default: that of the surface.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="X0,X1,Y0,Y1", help="The limits of x and y in the figure. Default: those of the surface."),
    ] = None,
    starts: Annotated[
        int,
        number(
            "--starts",
            1,
            MOST_SIDE,
            help="The side length of a square grid of further starting points, which can be clicked on the page.",
        ),
    ] = 7,
    noise: Annotated[
        float,
        number(
            "--noise",
            0,
            1e12,
            kind=float,
            help="Standard deviation of the Gaussian noise that is added to each gradient.",
        ),
    ] = 0.0,
    condition_number: Annotated[
        float | None,
        number(
            "--condition-number",
            1,
            1e12,
            kind=float,
            help="The largest curvature of the ravine, 1, divided by the smallest. Default: 50.",
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
            help="Rotate the surface, its start and its minima by this angle.",
        ),
    ] = 0.0,
    ode: Annotated[
        bool,
        typer.Option("--ode", help="Also draw the solution of the differential equation that Momentum discretises."),
    ] = False,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the noise.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("trajectories.html"),
    format: Format = "text",
) -> None:
    """Draw the paths of optimizers on a function of two parameters as an animated HTML page, and print where they end.

    The seven optimizers of Ruder's two animations are shown by descend lab trajectories --surface beale, and by
    --surface saddle. The steps are those of the optimizers in descend.optim.
    """
    from descend.lab.pages.trajectory_page import MOST_LINES, write_page
    from descend.lab.pages.trajectory_tables import eigenvector_table, ends_table, point_text, trajectory_facts
    from descend.trajectories import along_eigenvectors, chosen, differential_equations, read_rates, with_rates
    from descend.trajectories import surface as read_surface
    from descend.trajectories import trajectories as follow

    across = _read_numbers(window, 4, "--window") if window else None
    begin = _read_numbers(start, 2, "--start") if start else None
    found = read_surface(
        surface,
        None if across is None else ((across[0], across[1]), (across[2], across[3])),
        None if begin is None else (begin[0], begin[1]),
        condition_number,
    ).rotated(rotate)
    asked = chosen(rules)
    asked = read_rates(lr, asked) if lr is not None else asked
    begun = found.starts(starts)
    _check_page_size(len(asked), MOST_LINES, len(begun) * (steps + 1) * (2 if ode else 1))
    asked = with_rates(found, asked, steps)
    gone = follow(found, asked, begun, steps, noise=noise, seed=seed)
    along = along_eigenvectors(found, gone)
    if ode:
        gone += _require_solutions(differential_equations(found, asked, begun, steps))
    tables = [ends_table(found, gone), *([eigenvector_table(along)] if along else [])]
    standfirst = f"{found.formula}: the paths of the optimizers from {point_text(found.start)} in {steps} steps."
    shown = {"headline": _page_headline(found), "standfirst": standfirst, "remarks": _page_remarks(found, gone, noise)}
    write_page(found, gone, begun, {**shown, "command": command_line(context), "tables": tables}, out)
    if format == "json":
        typer.echo(json.dumps({**trajectory_facts(found, gone, along), "noise": noise, "seed": seed}, allow_nan=False))
    else:
        for table in tables:
            console().print(table.on_console())
    typer.echo(out, err=format == "json")


def _read_numbers(text: str, amount: int, option: str) -> list[float]:
    """Return the `amount` numbers in the text of an option, such as `0,1`. Raise `UsageError` for any other text."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != amount or not all(map(isfinite, values)):
        raise UsageError(f"{option} must be {amount} numbers separated by commas, not {text!r}")
    return values


def _check_page_size(lines: int, most: int, points: int) -> None:
    """Raise `UsageError` if a page would draw too many lines or store too many numbers."""
    if lines > most:
        raise UsageError(f"at most {most} lines can be distinguished in one figure, not {lines}; use fewer --rules")
    if 3 * lines * points > MOST_NUMBERS:
        raise UsageError(
            f"the page would contain {3 * lines * points:,} numbers, but the limit is {MOST_NUMBERS:,}; use fewer "
            "--steps, --starts or --rules"
        )


def _require_solutions(found: "list[Trajectory]") -> "list[Trajectory]":
    """Raise `UsageError` if no optimizer's differential equation was solved; otherwise return the solutions `found`."""
    if not found:
        raise UsageError("--ode needs Momentum with a momentum between 0 and 1 in --rules")
    return found


def _page_headline(surface: "Surface") -> str:
    """Return the page's headline: the name of the surface if it is a textbook one, otherwise "Trajectories"."""
    from descend.trajectories import TEXTBOOK

    names = {"two-minima": "Two minima", "beale": "Beale’s function", "rosenbrock": "Rosenbrock’s function"}
    return names.get(surface.name, surface.name.capitalize() if surface.name in TEXTBOOK else "Trajectories")


def _page_remarks(surface: "Surface", found: "list[Trajectory]", noise: float) -> list[str]:
    """Return the page's remarks on the surface's source, the learning rates and the noise."""
    remarks = [f"The surface: {surface.source}."] if surface.source else []
    if any(one.rule.how == "searched" for one in found):
        remarks.append(
            "For optimizers without a given learning rate, the learning rates 0.0001, 0.0002, 0.0005, 0.001, … up to "
            "500 were tried, from this start and without noise. The one with the lowest log(cost − minimum), averaged "
            "over the steps, was selected. A learning rate whose path leaves the window by more than half of the "
            "window's size is selected only if the paths of all other learning rates do so too."
        )
    if own := [one.rule.name for one in found if one.rule.how == "default"]:
        remarks.append(
            f"{', '.join(dict.fromkeys(own))}: the learning rate multiplies the step size that the optimizer computes "
            "itself."
        )
    if noise:
        remarks.append(
            f"Normal noise with standard deviation {noise:g} is added to every gradient, the same for all optimizers."
        )
    return remarks
