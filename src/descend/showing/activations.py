"""`descend show activations`: what an initialiser does to a deep network before its first step.

The network is the lecture's: 2000 normal inputs of 800 features through layers of 750, 700, … 350 units.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.errors import UsageError

if TYPE_CHECKING:
    from descend.network.deep import Spread
    from descend.report.figure import Figure

SHOWN = ("normal 0.01", "normal 1", "xavier", "kaiming")
TONES = dict(zip(SHOWN, ("cause", "ink", "soft", "cure")))


def activations(
    depth: Annotated[int, typer.Option(min=2, max=15, help="Layers, each 50 units narrower than the last.")] = 9,
    activation: Annotated[list[str] | None, typer.Option("--activation", help="tanh or relu; both by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of the inputs and the weights.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("activations.html"),
) -> None:
    """Draw what each layer of a deep network gives to the next, by initialiser, and print how far it spreads.

    Initialisers: N(0, 0.01²), N(0, 1), Xavier, and Kaiming with the gain of the activation.
    """
    from rich.console import Console
    from rich.table import Table

    from descend.network.deep import ACTIVATIONS, EXAMPLES, deep_spreads
    from descend.report.document import write_pictures

    chosen = activation or list(ACTIVATIONS)
    if unknown := [name for name in chosen if name not in ACTIVATIONS]:
        raise UsageError(f"--activation must be tanh or relu, not {unknown[0]}")
    pictures: list[Figure] = []
    marked = sorted({0, depth // 2, depth - 1})
    table = Table("activation", "initialiser", *(f"std, layer {k + 1}" for k in marked), "last layer", box=None)
    for name in chosen:
        outputs = {scheme: deep_spreads(name, scheme, depth, seed) for scheme in SHOWN}
        for scheme, layers in outputs.items():
            spread = [f"{layers[k].std:.2g}" for k in marked]
            ends = "saturated" if name == "tanh" else "zeros"
            table.add_row(name, scheme, *spread, f"{layers[-1].ends:.0%} {ends}")
        pictures.append(_picture(name, outputs))
    standfirst = (
        f"{EXAMPLES} normal inputs through {depth} layers, before the first step. A layer whose outputs shrink "
        "towards 0 hands on no signal, one whose outputs sit at the ends of its activation no gradient."
    )
    write_pictures("Activations by initialiser", standfirst, "descend show activations", pictures, out)
    Console().print(table)
    typer.echo(out)


def _picture(activation: str, outputs: "dict[str, list[Spread]]") -> "Figure":
    from descend.record import Series
    from descend.report.figure import Figure, Key, Panel, line, value_axis

    layers = tuple(range(1, len(next(iter(outputs.values()))) + 1))
    spreads = {s: Series(layers, tuple(o.std for o in each)) for s, each in outputs.items()}
    everything = [value for series in spreads.values() for value in series.values]
    first = Panel(
        f"{activation}: standard deviation of the outputs",
        tuple(line(series, TONES[scheme], scheme) for scheme, series in spreads.items()),
        tuple(Key(scheme, TONES[scheme]) for scheme in spreads),
        x_title="layer",
        y=value_axis(everything),
        height=240,
    )
    panels = [_distributions(activation, scheme, each) for scheme, each in outputs.items()]
    ends = " A tanh's lie between −1 and 1." if activation == "tanh" else ""
    caption = (
        "Above, how far each layer's outputs spread. Below, some of the outputs themselves: "
        f"the wider the shape, the more of them.{ends} The number behind `normal` is the weights' standard deviation."
    )
    return Figure((first, *panels), caption)


def _distributions(activation: str, scheme: str, layers: "list[Spread]") -> Any:
    from descend.report.figure import Panel

    traces = []
    for k, outputs in enumerate(layers, 1):
        traces.append(
            {
                "type": "violin",
                "x": [k] * len(outputs.some),
                "y": outputs.some,
                "name": f"layer {k}",
                "points": False,
                "line": {"color": TONES[scheme], "width": 1},
                "fillcolor": TONES[scheme],
                "width": 0.8,
                "spanmode": "hard",
                "hoverinfo": "skip",
            }
        )
    y = {"range": [-1.05, 1.05]} if activation == "tanh" else {"rangemode": "tozero"}
    return Panel(f"{activation}, {scheme}: outputs", tuple(traces), x_title="layer", y=y, height=170)
