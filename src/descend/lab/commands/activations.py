"""`descend lab activations`: the spread of each layer's outputs in a deep network, for several initialisers.

The default network is that of `descend.network.deep`. For another model:
`descend lab activations train.py:Net --input 64`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import MOST_SEED, number
from descend.doctor.commands.terminal import console

if TYPE_CHECKING:
    from descend.doctor.report.figure import Figure
    from descend.network.spreads import OutputDistribution

SCHEMES = ("zeros", "normal 0.01", "normal 1", "xavier fan-in", "xavier", "kaiming")
DEPTH = 9  # number of layers of the default network
MOST_TICKS = 15  # with at most this many layers, each layer has its own tick
EXAMPLES = (
    64  # number of random inputs of the user's model; it is small, because the outputs of a convolution are large
)
TONES = ("fifth", "cause", "ink", "fourth", "third", "cure")
Spreads = dict[
    str, dict[str, "list[OutputDistribution]"]
]  # network -> initialiser -> the spread of each layer's outputs


def activations(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Your model: FILE.py:NAME or module:NAME, an nn.Module or a function that returns one. "
            'The file is imported, so its training must be under `if __name__ == "__main__":`.',
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option("--input", metavar="SHAPE", help="The shape of one input of MODEL, such as 64 or 3,32,32."),
    ] = None,
    depth: Annotated[
        int | None,
        number(
            "--depth",
            2,
            15,
            help="Without MODEL: the number of layers. Each is 50 units narrower than the previous one. Default: 9.",
        ),
    ] = None,
    activation: Annotated[
        list[str] | None, typer.Option("--activation", help="Without MODEL: tanh or relu. Default: both.")
    ] = None,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the inputs and the weights.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("activations.html"),
) -> None:
    """Draw the outputs of each layer of a deep network for several initialisers, and print their spread.

    Initialisers: zeros; N(0, 0.01²); N(0, 1); "xavier fan-in", standard deviation 1/√fan-in, as lecture slides define
    Xavier; "xavier", variance 2/(fan-in + fan-out), as Glorot & Bengio 2010 and torch define it; and Kaiming with the
    gain of the activation. For MODEL, its own weights are also shown, and N(0, 1) is left out. Example:
    descend lab activations train.py:Net --input 3,32,32
    """
    from descend.lab.pages.page import write_figures_page

    if model is None:
        if shape is not None:
            raise UsageError("--input is the shape of one input of MODEL, but no MODEL was given")
        found, inputs = _default_spreads(depth or DEPTH, activation, seed)
    else:
        if depth or activation:
            raise UsageError("--depth and --activation are for the default network, but MODEL was given")
        found, inputs = _model_spreads(model, shape, seed)
    standfirst = (
        f"{inputs}, before the first step. A layer with outputs close to 0 passes on almost no signal. A layer "
        "with saturated outputs passes back almost no gradient."
    )
    figures = [_spread_figure(name, outputs) for name, outputs in found.items()]
    write_figures_page("Activations by initialiser", standfirst, "descend lab activations", figures, out)
    console().print(_spread_table("activation" if model is None else "model", found))
    typer.echo(out)


def _default_spreads(depth: int, activation: list[str] | None, seed: int) -> tuple[Spreads, str]:
    """Return the spread of each layer's outputs in the default network, and a description of the network's inputs."""
    from descend.network.deep import ACTIVATIONS, EXAMPLES, FEATURES, deep_network
    from descend.network.spreads import distributions_by_scheme, normal_inputs

    chosen = activation or list(ACTIVATIONS)
    if unknown := [name for name in chosen if name not in ACTIVATIONS]:
        raise UsageError(f"--activation must be tanh or relu, not {unknown[0]}")
    found = {}
    for name in chosen:
        network = deep_network(name, depth)
        found[name] = distributions_by_scheme(
            network, normal_inputs(network, EXAMPLES, [FEATURES], seed), SCHEMES, seed
        )
    return found, f"{EXAMPLES} normally distributed inputs through {depth} layers"


def _model_spreads(name: str, shape: str | None, seed: int) -> tuple[Spreads, str]:
    """Return the spread of each layer's outputs in the user's model, and a description of the model's inputs."""
    from descend.network.named_model import named_model
    from descend.network.spreads import AS_IT_IS, distributions_by_scheme, normal_inputs

    if shape is None:
        raise UsageError(
            f"the input shape of {name} is not known; give the shape of one input: --input 64 or --input 3,32,32"
        )
    sizes = _read_shape(shape)
    network = named_model(name, seed)
    schemes = (AS_IT_IS, *(scheme for scheme in SCHEMES if scheme != "normal 1"))
    try:
        outputs = distributions_by_scheme(network, normal_inputs(network, EXAMPLES, sizes, seed), schemes, seed)
    except Exception as error:  # The user's code can raise any exception.
        reason = " ".join(str(error).split())
        raise UsageError(f"{name} cannot be run on random inputs of shape ({EXAMPLES}, {shape}): {reason}") from None
    if not outputs[AS_IT_IS]:
        raise UsageError(f"{name} has no linear or convolutional layer to initialise")
    return {name: outputs}, f"{EXAMPLES} normally distributed inputs of shape {shape} through {name}"


def _read_shape(shape: str) -> list[int]:
    """Convert a text such as `3,32,32` to the sizes of a tensor's dimensions. Raise `UsageError` for any other text."""
    sizes = [int(size) for size in shape.split(",") if size.strip().isdecimal()]
    if len(sizes) != shape.count(",") + 1 or 0 in sizes:
        raise UsageError(f"--input must be whole numbers above 0, such as 64 or 3,32,32, not {shape!r}")
    return sizes


def _spread_table(kind: str, found: Spreads) -> Any:
    """Return a table of the outputs' standard deviation in the first, middle and last layer, and their saturation."""
    from rich.table import Table

    first = next(iter(next(iter(found.values())).values()))
    marked = sorted({0, len(first) // 2, len(first) - 1})
    table = Table(kind, "initialiser", *(f"std, layer {k + 1}" for k in marked), "saturation", box=None)
    for name, outputs in found.items():
        for scheme, layers in outputs.items():
            ends = [layer.ends_message for layer in layers if layer.ends is not None]
            table.add_row(name, scheme, *(f"{layers[k].std:.2g}" for k in marked), ends[-1] if ends else "")
    return table


def _spread_figure(name: str, outputs: "dict[str, list[OutputDistribution]]") -> "Figure":
    """Return a figure that shows the standard deviation and distribution of the outputs of each layer of a network."""
    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line, value_axis

    layers = tuple(range(1, len(next(iter(outputs.values()))) + 1))
    spreads = {s: Series(layers, tuple(o.std for o in each)) for s, each in outputs.items()}
    # A logarithmic axis cannot show 0.
    positive = [value for series in spreads.values() for value in series.values if value > 0]
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
    panels = [_distribution_panel(f"{name}, {scheme}", tones[scheme], each) for scheme, each in outputs.items()]
    is_tanh = all(layer.activation == "tanh" for each in outputs.values() for layer in each)
    ends = " The outputs of tanh are between −1 and 1." if is_tanh else ""
    caption = (
        "Top: the standard deviation of each layer's outputs. Below: the distribution of a sample of the outputs."
        f"{ends} The number after “normal” is the weights' standard deviation. "
        "It is 1/√fan-in for “xavier fan-in”; the variance is 2/(fan-in + fan-out) for “xavier”. A logarithmic axis "
        "cannot show outputs that are all 0, as with “zeros”."
    )
    return Figure((first, *panels), caption)


def _distribution_panel(title: str, tone: str, layers: "list[OutputDistribution]") -> Any:
    """Return a violin plot of the distribution of each layer's outputs."""
    from descend.doctor.report.figure import Panel, chart_label

    traces = []
    for k, outputs in enumerate(layers, 1):
        traces.append(
            {
                "type": "violin",
                "x": [k] * len(outputs.some),
                "y": outputs.some,
                "name": chart_label(f"layer {k}: {outputs.name}"),
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
    y["exponentformat"] = "power"  # Plotly would otherwise write 10⁹ as 1B.
    return Panel(f"{title}: outputs", tuple(traces), x_title="layer", y=y, height=170)
