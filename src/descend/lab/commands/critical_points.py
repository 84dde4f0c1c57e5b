"""`descend lab critical-points`: how many critical points a small network has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.doctor.commands.options import MOST_SEED, number
from descend.doctor.commands.terminal import console, say

if TYPE_CHECKING:
    from descend.doctor.report.figure import Figure
    from descend.lab.pages.table import Table
    from descend.trajectories.critical_points import CriticalPoints

TONES = {"minimum": "cure", "saddle": "cause", "maximum": "third", "degenerate": "fourth", "flat": "ink"}
PRINTED_EVERY = 50  # starts between two lines of progress


def critical_points(
    units: Annotated[int, number("--units", 1, 6, help="The number of hidden units.")] = 2,
    starts: Annotated[int, number("--starts", 1, 100_000, help="The number of random starts.")] = 200,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the starts.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("critical-points.html"),
) -> None:
    """Search for the critical points of a network with two inputs and a few hidden units, and count them by kind.

    With more units, their number grows fast, and most of them are saddle points. Ctrl-C shows what was found so far.
    Example: descend lab critical-points --units 3 --starts 500
    """
    from descend.lab.pages.page import write_figures_page
    from descend.trajectories.critical_points import critical_points as search

    found: CriticalPoints | None = None
    interruption: KeyboardInterrupt | None = None
    try:
        for found in search(units, starts, seed):
            if found.starts % PRINTED_EVERY == 0 and found.starts < starts:
                say(f"{found.starts} of {starts} starts, {len(found.distinct)} different critical points so far")
    except KeyboardInterrupt as error:
        interruption = error
    if found is not None:
        table = _kind_table(found)
        size = f"{units} tanh units and {found.parameters} weights"
        standfirst = f"A network with {size} on ten random points, {found.starts} starts."
        figures: list[Figure | Table] = [table, *([_index_figure(found)] if found.found else [])]
        write_figures_page("Critical points", standfirst, "descend lab critical-points", figures, out)
        console().print(table.on_console())
        typer.echo(out)
    if interruption is not None:
        raise interruption


def _kind_table(found: "CriticalPoints") -> "Table":
    """Return a table with the number of different critical points and the range of their costs, by kind."""
    from descend.doctor.report.formatting import number as number_text
    from descend.lab.pages.table import Table

    kinds = {kind: [p.cost for p in found.distinct if p.kind == kind] for kind in TONES}
    rows = [
        (kind, str(len(costs)), number_text(min(costs)), number_text(max(costs)))
        for kind, costs in kinds.items()
        if costs
    ]
    caption = (
        f"{len(found.found)} of {found.starts} starts converged to {len(found.distinct)} points of different cost. By "
        f"how many were found once and twice, there are at least {number_text(round(found.estimated))} (Chao 1984). "
        f"Each has {found.copies} copies if its units differ: other orders and signs."
    )
    return Table(
        "Critical points by kind", ("kind", "number", "lowest cost", "highest"), rows, caption, frozenset({1, 2, 3})
    )


def _index_figure(found: "CriticalPoints") -> "Figure":
    """Return a figure of each point's cost over its number of directions downhill."""
    from descend.doctor.report.figure import Figure, Key, Panel, log_axis

    points = found.distinct
    present = [kind for kind in TONES if any(point.kind == kind for point in points)]
    traces = tuple(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point.below for point in points if point.kind == kind],
            "y": [point.cost for point in points if point.kind == kind],
            "name": kind,
            "marker": {"size": 7, "color": TONES[kind]},
        }
        for kind in present
    )
    panel = Panel(
        "Cost of each critical point",
        traces,
        tuple(Key(kind, TONES[kind], "dot") for kind in present),
        x_title="negative eigenvalues of the Hessian",
        x={"dtick": 1},
        y=log_axis([point.cost for point in points]),
        height=280,
    )
    return Figure((panel,), "Points of lower cost have fewer directions downhill; minima have none.")
