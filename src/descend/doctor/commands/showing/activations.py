"""`descend show activations`: what an initialiser does to a deep network before its first step.

Without a model the network is that of `descend.network.deep`; one's own is shown by
`descend show activations train.py:Net --input 64`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.doctor.commands.options import MOST_SEED, number
from descend.doctor.commands.terminal import console
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.report.figure import Figure
    from descend.network.spreads import Spread

DRAWN = ("zeros", "normal 0.01", "normal 1", "xavier fan-in", "xavier", "kaiming")
DEPTH, MOST_TICKS = 9, 15  # layers, and so many that each has a tick of its own
EXAMPLES = 64  # of a model of one's own: a convolution's outputs are large
TONES = ("fifth", "cause", "ink", "fourth", "third", "cure")
Found = dict[str, dict[str, "list[Spread]"]]  # of each network, by initialiser


def activations(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Your own: FILE.py:NAME or module:NAME, an nn.Module or what makes one without arguments. "
            'The file is imported, so its training belongs under `if __name__ == "__main__":`.',
        ),
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--input", metavar="SHAPE", help="Of one example of MODEL: 64, or 3,32,32.")
    ] = None,
    depth: Annotated[
        int | None, number("--depth", 2, 15, help="Without MODEL: layers, each 50 units narrower. Default: 9.")
    ] = None,
    activation: Annotated[
        list[str] | None, typer.Option("--activation", help="Without MODEL: tanh or relu; both by default.")
    ] = None,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="Of the inputs and the weights.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("activations.html"),
) -> None:
    """Draw what each layer of a deep network gives to the next, by initialiser, and print how far it spreads.

    Initialisers: zeros; N(0, 0.01²); N(0, 1); "xavier fan-in", standard deviation 1/√fan-in, as lecture slides define
    Xavier; "xavier", variance 2/(fan-in + fan-out), as Glorot & Bengio 2010 and torch define it; and Kaiming with the
    gain of the activation. MODEL is shown with its own weights as well, and without N(0, 1):
    descend show activations train.py:Net --input 3,32,32
    """
    from descend.doctor.report.document import write_pictures

    if model is None:
        if shape is not None:
            raise UsageError("--input is the shape of one example of MODEL, and no MODEL was given")
        found, inputs = _built_in(depth or DEPTH, activation, seed)
    else:
        if depth or activation:
            raise UsageError("--depth and --activation are of the built-in network, and MODEL was given")
        found, inputs = _own(model, shape, seed)
    standfirst = (
        f"{inputs}, before the first step. A layer whose outputs shrink "
        "towards 0 hands on no signal, one whose outputs sit at the ends of its activation no gradient."
    )
    pictures = [_picture(name, outputs) for name, outputs in found.items()]
    write_pictures("Activations by initialiser", standfirst, "descend show activations", pictures, out)
    console().print(_table("activation" if model is None else "model", found))
    typer.echo(out)


def _built_in(depth: int, activation: list[str] | None, seed: int) -> tuple[Found, str]:
    from descend.network.deep import ACTIVATIONS, EXAMPLES, FEATURES, deep_network
    from descend.network.spreads import normal_inputs, spreads_by_scheme

    chosen = activation or list(ACTIVATIONS)
    if unknown := [name for name in chosen if name not in ACTIVATIONS]:
        raise UsageError(f"--activation must be tanh or relu, not {unknown[0]}")
    found = {}
    for name in chosen:
        network = deep_network(name, depth)
        found[name] = spreads_by_scheme(network, normal_inputs(network, EXAMPLES, [FEATURES], seed), DRAWN, seed)
    return found, f"{EXAMPLES} normal inputs through {depth} layers"


def _own(name: str, shape: str | None, seed: int) -> tuple[Found, str]:
    from descend.network.named_model import named_model
    from descend.network.spreads import AS_IT_IS, normal_inputs, spreads_by_scheme

    if shape is None:
        raise UsageError(f"what {name} takes is not known; say the shape of one example: --input 64 or --input 3,32,32")
    sizes = _sizes(shape)
    network = named_model(name, seed)
    schemes = (AS_IT_IS, *(scheme for scheme in DRAWN if scheme != "normal 1"))
    try:
        outputs = spreads_by_scheme(network, normal_inputs(network, EXAMPLES, sizes, seed), schemes, seed)
    except Exception as error:  # whatever the user's own code raises
        reason = " ".join(str(error).split())
        raise UsageError(f"{name} cannot be run on normal inputs of shape ({EXAMPLES}, {shape}): {reason}") from None
    if not outputs[AS_IT_IS]:
        raise UsageError(f"{name} uses no linear and no convolutional layer: there is nothing to initialise")
    return {name: outputs}, f"{EXAMPLES} normal inputs of shape {shape} through {name}"


def _sizes(shape: str) -> list[int]:
    sizes = [int(size) for size in shape.split(",") if size.strip().isdecimal()]
    if len(sizes) != shape.count(",") + 1 or 0 in sizes:
        raise UsageError(f"--input must be whole numbers above 0, such as 64 or 3,32,32, not {shape!r}")
    return sizes


def _table(kind: str, found: Found) -> Any:
    """Return the spreads of the first, the middle and the last layer, and what passes no gradient near the end."""
    from rich.table import Table

    first = next(iter(next(iter(found.values())).values()))
    marked = sorted({0, len(first) // 2, len(first) - 1})
    table = Table(kind, "initialiser", *(f"std, layer {k + 1}" for k in marked), "at the end", box=None)
    for name, outputs in found.items():
        for scheme, layers in outputs.items():
            ends = [layer.ends_in_words for layer in layers if layer.ends is not None]
            table.add_row(name, scheme, *(f"{layers[k].std:.2g}" for k in marked), ends[-1] if ends else "")
    return table


def _picture(name: str, outputs: "dict[str, list[Spread]]") -> "Figure":
    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line, value_axis

    layers = tuple(range(1, len(next(iter(outputs.values()))) + 1))
    spreads = {s: Series(layers, tuple(o.std for o in each)) for s, each in outputs.items()}
    positive = [value for series in spreads.values() for value in series.values if value > 0]  # a log axis has no 0
    tones = dict(zip(outputs, TONES))
    first = Panel(
        f"{name}: standard deviation of the outputs",
        tuple(line(series, tones[scheme], scheme) for scheme, series in spreads.items()),
        tuple(Key(scheme, tones[scheme]) for scheme in spreads),
        x_title="layer",
        x={"dtick": 1} if len(layers) <= MOST_TICKS else {},
        y=value_axis(positive),
        height=240,
    )
    panels = [_distributions(f"{name}, {scheme}", tones[scheme], each) for scheme, each in outputs.items()]
    is_tanh = all(layer.activation == "tanh" for each in outputs.values() for layer in each)
    ends = " A tanh's lie between −1 and 1." if is_tanh else ""
    caption = (
        "Above, how far each layer's outputs spread. Below, some of the outputs themselves: "
        f"the wider the shape, the more of them.{ends} The number after “normal” is the weights' standard deviation. "
        "It is 1/√fan-in for “xavier fan-in”; the variance is 2/(fan-in + fan-out) for “xavier”. A logarithmic axis "
        "leaves out outputs that are all 0, as with “zeros”."
    )
    return Figure((first, *panels), caption)


def _distributions(title: str, tone: str, layers: "list[Spread]") -> Any:
    from descend.doctor.report.figure import Panel, words

    traces = []
    for k, outputs in enumerate(layers, 1):
        traces.append(
            {
                "type": "violin",
                "x": [k] * len(outputs.some),
                "y": outputs.some,
                "name": words(f"layer {k}: {outputs.name}"),
                "points": False,
                "line": {"color": tone, "width": 1},
                "fillcolor": tone,
                "width": 0.8,
                "spanmode": "hard",
                "hoverinfo": "name",
            }
        )
    is_tanh = all(outputs.activation == "tanh" for outputs in layers)
    lowest = min((value for outputs in layers for value in outputs.some), default=0.0)
    y: dict[str, Any] = {"range": [-1.05, 1.05]} if is_tanh else {"rangemode": "tozero"} if lowest >= 0 else {}
    y["exponentformat"] = "power"  # not Plotly's B for thousands of millions
    return Panel(f"{title}: outputs", tuple(traces), x_title="layer", y=y, height=170)
