"""`descend lab jacobians`: how gradients vanish or explode with the depth of a random network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_SEED, number
from descend.doctor.commands.terminal import console
from descend.lab.commands.number_lists import read_numbers

if TYPE_CHECKING:
    from descend.doctor.report.figure import Figure
    from descend.lab.pages.table import Table
    from descend.network.jacobians import Growth

ACTIVATIONS = ("linear", "relu", "tanh")
TONES = ("cause", "cure", "third", "fourth", "fifth", "ink")
MOST_CURVES = len(TONES)
Found = dict[tuple[str, float], "Growth"]  # by activation and gain


def jacobians(  # noqa: PLR0913 - each is an option of the command
    activation: Annotated[
        list[str] | None, typer.Option("--activation", help="linear, relu or tanh; may be repeated. Default: relu.")
    ] = None,
    gain: Annotated[
        str,
        typer.Option(
            "--gain",
            metavar="NUMBERS",
            help="Standard deviations of the weights, times the root of the width. 1: Xavier; 1.41: Kaiming.",
        ),
    ] = "1,1.41,2",
    width: Annotated[int, number("--width", 1, 1000, help="The number of units of each layer.")] = 100,
    depth: Annotated[int, number("--depth", 2, 200, help="The number of layers.")] = 50,
    draws: Annotated[int, number("--draws", 2, 1000, help="The number of networks.")] = 100,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the weights.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("jacobians.html"),
) -> None:
    """Draw how gradients vanish or explode with the depth of a random network, and print the growth of each layer.

    The gradient is multiplied by the Jacobian of each layer. The logarithm of its norm is a sum of random terms: its
    mean and its variance grow in proportion to the depth (Hanin & Nica 2020). Example:
    descend lab jacobians --activation tanh --gain 0.9,1,1.1 --depth 100
    """
    from descend.lab.pages.page import write_figures_page
    from descend.network.jacobians import gradient_growth

    chosen, gains = activation or ["relu"], read_numbers("--gain", gain)
    if unknown := [name for name in chosen if name not in ACTIVATIONS]:
        raise UsageError(f"--activation must be {', '.join(ACTIVATIONS)}, not {unknown[0]}")
    if not 0 < len(chosen) * len(gains) <= MOST_CURVES:
        asked = len(chosen) * len(gains)
        raise UsageError(f"--activation and --gain ask for {asked} curves; 1 to {MOST_CURVES} can be drawn")
    found = {(name, each): gradient_growth(name, each, width, depth, draws, seed) for name in chosen for each in gains}
    table = _growth_table(found, width, draws)
    standfirst = f"A unit vector through the Jacobians of {depth} random layers of {width} units, in {draws} networks."
    command = "descend lab jacobians"
    write_figures_page("Gradients by depth", standfirst, command, [table, _growth_figure(found)], out)
    console().print(table.on_console())
    typer.echo(out)


def _growth_table(found: Found, width: int, draws: int) -> "Table":
    """Return a table of the growth of a layer: measured, and predicted where a closed form is known."""
    from math import exp

    from scipy.stats import chi2

    from descend.doctor.report.formatting import interval
    from descend.doctor.report.formatting import number as number_text
    from descend.lab.pages.table import Table
    from descend.network.jacobians import predicted_growth

    rows = []
    for (name, gain), growth in found.items():
        mean, variance = growth.per_layer
        theory = predicted_growth(name, gain, width)
        predicted = (number_text(exp(theory[0] / 2)), number_text(theory[1])) if theory else ("", "")
        within = interval(*(variance * (draws - 1) / chi2.ppf(p, draws - 1) for p in (0.975, 0.025)))
        cells = (number_text(exp(mean / 2)), predicted[0], f"{number_text(variance)} ({within})", predicted[1])
        rows.append((name, number_text(gain), *cells))
    caption = (
        "Factor: the typical norm after a layer, divided by that before it; below 1 gradients vanish, above 1 they "
        "explode. Variance: what each layer adds to the variance of ln‖J‖² between networks (95 % interval). Predicted "
        "values follow from the distribution of a sum of squares."
    )
    head = ("activation", "gain", "factor", "predicted", "variance", "predicted")
    return Table("Growth of the gradient in a layer", head, rows, caption, frozenset({1, 2, 3, 4, 5}))


def _growth_figure(found: Found) -> "Figure":
    """Return a figure of the mean and of the variance of the logarithm, by depth."""
    from math import log

    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line

    labels = [f"{name}, gain {gain:g}" for name, gain in found]
    keys = tuple(Key(label, tone) for label, tone in zip(labels, TONES))
    panels = []
    for title, read in (
        ("log₁₀ ‖J₁⋯J_d v‖, mean of the networks", lambda growth: (growth.mean / (2 * log(10))).tolist()),
        ("variance of ln ‖J₁⋯J_d v‖² between the networks", lambda growth: growth.variance.tolist()),
    ):
        curves = [Series(tuple(range(1, len(values) + 1)), tuple(values)) for values in map(read, found.values())]
        traces = tuple(line(series, tone, label) for series, tone, label in zip(curves, TONES, labels))
        panels.append(Panel(title, traces, keys, x_title="depth in layers"))
    return Figure(
        tuple(panels), "Both grow in proportion to the depth, so that the norm spreads like the exponential of √depth."
    )
