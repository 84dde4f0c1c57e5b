"""Tables and figures of the norms of each layer's weights and gradient at points of a script's run."""

from collections.abc import Iterable
from math import isfinite, nan

from descend.doctor.record import Record, Series, facts
from descend.doctor.report.figure import Figure, Key, Panel, line, log_axis
from descend.doctor.report.formatting import count, number
from descend.lab.pages.table import Table

FACTS = {facts.LayerNorms: "layer_norms"}  # names of the measurements in the output of `--format json`
TONES = ("cause", "cure", "third", "fourth", "fifth", "ink")
MATRIX = 2  # dimensions of a weight matrix; biases and scales of normalisations have fewer
GIB = 2**30


def layer_figures(record: Record) -> list[Figure | Table]:
    """Return a table of the norms at each point, and a figure of the ratios by layer; empty if nothing was measured."""
    found = record.every(facts.LayerNorms)
    return [*(_norm_table(label, norms) for label, norms in found.items()), *([_ratio_figure(found)] if found else [])]


def layer_remarks(record: Record) -> list[str]:
    """Return a sentence about the largest batch that fits into the free memory, in a list; empty if it is unknown."""
    known = next(iter(record.every(facts.LayerNorms).values()), None)
    if known is None or not known.free_bytes or not known.kept_bytes or not known.examples:
        return []
    each = known.kept_bytes / known.examples
    most = int(known.free_bytes / each)
    return [
        f"a batch of {known.examples} keeps {_bytes(known.kept_bytes)} for the backward pass; "
        f"{_bytes(known.free_bytes)} are free, enough for a batch of about {number(most)} examples"
    ]


def ratio(norms: facts.ParameterNorms) -> float:
    """Return the norm of the weights over that of their gradient; NaN if the gradient is zero."""
    return norms.weight / norms.gradient if norms.gradient > 0 else nan


def _norm_table(label: str, norms: facts.LayerNorms) -> Table:
    """Return a table with a row for each parameter."""
    lr = norms.optimizer.get("lr")
    rate = float(lr) if isinstance(lr, int | float) else nan
    rows = []
    for each in norms.layers:
        relative = rate / ratio(each) if ratio(each) > 0 else nan
        shape = "×".join(map(str, each.shape))
        cells = map(_cell, (each.weight, each.gradient, ratio(each), relative))
        rows.append((each.name, shape, *cells))
    matrices = [ratio(each) for each in norms.layers if len(each.shape) >= MATRIX and ratio(each) > 0]
    spread = max(matrices) / min(matrices) if matrices else nan
    remark = f" The ratios of weight matrices differ by a factor of {number(spread)}." if len(matrices) > 1 else ""
    caption = (
        f"‖w‖ / ‖∇w‖: LARS multiplies each layer's learning rate by this ratio (You et al. 2017). Step of SGD: the "
        f"learning rate times ‖∇w‖ / ‖w‖.{remark}"
    )
    head = ("parameter", "shape", "‖w‖", "‖∇w‖", "‖w‖ / ‖∇w‖", "step of SGD / ‖w‖")
    return Table(f"Norms, {label}", head, rows, caption, frozenset({2, 3, 4, 5}))


def _cell(value: float) -> str:
    """Return a number as text; "" if it is unknown."""
    return number(value) if isfinite(value) else ""


def _ratio_figure(found: "dict[str, facts.LayerNorms]") -> Figure:
    """Return a figure of the ratios of all weight matrices, from the inputs to the output, at each point."""
    curves = {}
    for label, norms in found.items():
        ratios = [ratio(each) for each in norms.layers if len(each.shape) >= MATRIX]
        curves[label] = Series(tuple(range(1, len(ratios) + 1)), tuple(ratios))
    panel = Panel(
        "‖w‖ / ‖∇w‖ of the weight matrices",
        tuple(line(series, tone, label) for (label, series), tone in zip(curves.items(), TONES)),
        tuple(Key(label, tone) for label, tone in zip(curves, TONES)),
        x_title="weight matrix, from the inputs to the output",
        x={"dtick": 1},
        y=log_axis(_positive(curves.values())),
    )
    layers = count(max(map(len, curves.values())), "weight matrix", "weight matrices")
    return Figure((panel,), f"{layers}. Where the ratio is small, a step changes the weights most.")


def _positive(curves: Iterable[Series]) -> list[float]:
    """Return the positive values of several curves."""
    return [value for series in curves for value in series.values if value > 0]


def _bytes(amount: float) -> str:
    """Return a number of bytes as text, with a unit of a suitable size."""
    return f"{number(amount / GIB)} GiB" if amount >= GIB / 10 else f"{number(amount / 1024)} KiB"
