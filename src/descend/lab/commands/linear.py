"""`descend lab linear`: gradient descent on a linear unit, around its best learning rate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_SEED, number
from descend.doctor.commands.terminal import console
from descend.lab.commands.number_lists import read_numbers

if TYPE_CHECKING:
    from descend.doctor.report.figure import Figure, Panel
    from descend.lab.pages.table import Table
    from descend.trajectories.linear_network import Path as DescentPath
    from descend.trajectories.linear_network import TwoClasses

MULTIPLES = (0.4, 1.0, 1.7, 2.1)  # of the best learning rate: the four panels of LeCun et al. 1998, figure 6
STEPS = 6  # in each of the four panels
REACH = 1.6  # distances that the panels show
TONES = ("cause", "cure", "third", "fourth", "fifth", "ink")


def linear(
    rates: Annotated[
        str, typer.Option("--rates", metavar="NUMBERS", help="Learning rates of descent on all examples.")
    ] = "1.5,2.5",
    stochastic: Annotated[
        str, typer.Option("--stochastic", metavar="NUMBERS", help="Learning rates of descent on one example at a time.")
    ] = "0.2",
    passes: Annotated[int, number("--passes", 1, 10_000, help="The number of passes over the examples.")] = 50,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the examples and of their order.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("linear.html"),
) -> None:
    """Train a linear unit with two weights on two classes, and draw what the learning rate does (LeCun et al. 1998).

    Descent on all examples is stable below 2/λmax. Descent on one example at a time is faster with correlated examples,
    but fluctuates in the end. Example: descend lab linear --rates 0.5,1.2,2.3 --stochastic 0.05,0.2
    """
    from descend.lab.pages.page import write_figures_page
    from descend.trajectories.linear_network import batch_descent, stochastic_descent, two_classes

    data = two_classes(seed)
    paths = [batch_descent(data, lr, passes) for lr in read_numbers("--rates", rates)]
    paths += [stochastic_descent(data, lr, passes, seed) for lr in read_numbers("--stochastic", stochastic)]
    if not 0 < len(paths) <= len(TONES):
        raise UsageError(f"--rates and --stochastic ask for {len(paths)} paths; 1 to {len(TONES)} can be drawn")
    table = _path_table(data, paths)
    figures: list[Figure | Table] = [table, _path_figure(data, paths), _regime_figure(data)]
    standfirst = f"{len(data.x)} examples of two classes, a linear unit with two weights, {passes} passes."
    write_figures_page("A linear unit", standfirst, "descend lab linear", figures, out)
    console().print(table.on_console())
    typer.echo(out)


def _path_table(data: "TwoClasses", paths: "list[DescentPath]") -> "Table":
    """Return a table of the paths with their final costs."""
    from descend.doctor.report.formatting import number as number_text
    from descend.lab.pages.table import Table

    low, high = data.curvatures
    rows = [(path.label, number_text(path.costs[0]), number_text(path.costs[-1]), path.fate) for path in paths]
    caption = (
        f"Excess cost: the cost less the lowest one. The curvatures are {number_text(high)} and {number_text(low)}; "
        f"descent on all examples is stable below 2/λmax = {number_text(2 / high)}."
    )
    return Table("Paths", ("gradient of", "excess cost, first", "last", "result"), rows, caption, frozenset({1, 2}))


def _path_figure(data: "TwoClasses", paths: "list[DescentPath]") -> "Figure":
    """Return a figure of the paths in the plane of the weights, and of the excess cost by passes."""
    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line, log_axis

    keys = tuple(Key(path.label, tone) for path, tone in zip(paths, TONES))
    solution = data.solution.tolist()
    shown = [[w for w in path.weights if max(abs(a - b) for a, b in zip(w, solution)) < 2 * REACH] for path in paths]
    traces = tuple(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [w[0] for w in weights],
            "y": [w[1] for w in weights],
            "name": path.label,
            "line": {"color": tone, "width": 1.5},
            "marker": {"size": 4, "color": tone},
        }
        for path, weights, tone in zip(paths, shown, TONES)
    )
    goal = {"type": "scatter", "mode": "markers", "x": [solution[0]], "y": [solution[1]], "name": "lowest cost"}
    marker = {"marker": {"size": 9, "color": "ink", "symbol": "x"}}
    plane = Panel(
        "Second weight over first weight, after each pass",
        (*traces, goal | marker),
        (*keys, Key("lowest cost", "ink", "dot")),
        x_title="first weight",
        height=320,
    )
    curves = [Series(tuple(range(len(path.costs))), path.costs) for path in paths]
    costs = Panel(
        "Excess cost",
        tuple(line(series, tone, path.label) for series, path, tone in zip(curves, paths, TONES)),
        keys,
        x_title="pass over the examples",
        y=log_axis([cost for path in paths for cost in path.costs]),
    )
    return Figure((plane, costs), "Points far outside the plane are left out.")


def _regime_figure(data: "TwoClasses") -> "Figure":
    """Return four panels: steps along the steepest direction below, at and above the best learning rate."""
    from descend.doctor.report.figure import Figure

    return Figure(
        tuple(_regime_panel(data, multiple) for multiple in MULTIPLES),
        "The cost along the steepest direction, and six steps on it. Below the best learning rate 1/λmax the distance "
        "shrinks; at it, one step arrives; above it, the steps jump to the other side; above 2/λmax they diverge.",
    )


def _regime_panel(data: "TwoClasses", multiple: float) -> "Panel":
    """Return the parabola of the cost and the steps on it, at a multiple of the best learning rate."""
    from descend.doctor.report.figure import Key, Panel
    from descend.trajectories.linear_network import steps_along_top

    distances, costs = steps_along_top(data, multiple, STEPS)
    inside = [(d, c) for d, c in zip(distances, costs) if abs(d) <= REACH]
    axis = [REACH * (i / 40 - 1) for i in range(81)]
    parabola = {
        "type": "scatter",
        "mode": "lines",
        "x": axis,
        "y": [0.5 * d**2 / data.best_lr for d in axis],
        "name": "cost",
        "line": {"color": "ink", "width": 1.5},
    }
    steps = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [d for d, _ in inside],
        "y": [c for _, c in inside],
        "name": "steps",
        "line": {"color": "cause", "width": 1.5},
        "marker": {"size": 6, "color": "cause"},
    }
    keys = (Key("cost", "ink"), Key("steps", "cause", "dot"))
    title = f"Learning rate {multiple:g}/λmax = {multiple * data.best_lr:.2g}"
    return Panel(title, (parabola, steps), keys, x_title="distance from the lowest cost", height=170)
