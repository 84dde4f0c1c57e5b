"""A bar chart of a share of units in every layer: first measurement, last measurement and limit."""

from math import isfinite

from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, Series
from descend.doctor.report.figure import Figure, Key, Panel, Trace, chart_label, level
from descend.doctor.report.formatting import percent

MOST_LAYERS = 24  # largest number of layers that are shown: those with the largest shares
LAYER_HEIGHT = 34  # height in pixels of the two bars of a layer


def layer_bars(record: Record, symptom: Symptom, name: str, title: str) -> Figure | None:
    """Return a bar chart of a share of each layer's units at the first and last measurement; None without data."""
    measured = {place: record.series(name, place) for place in record.places(name)}
    measured = {place: series for place, series in measured.items() if isfinite(series.max)}
    if not measured:
        return None
    layers = _worst_layers(measured)
    steps = [step for series in layers.values() for step in series.steps]
    first, last = min(steps), max(steps)
    labels = _layer_labels(list(layers))
    traces = [_bar_trace(labels, [series.last for series in layers.values()], "cause", f"step {last}")]
    keys = [Key(f"step {last}", "cause", "block")]
    if first != last:
        traces.insert(0, _bar_trace(labels, [series.first for series in layers.values()], "faint", f"step {first}"))
        keys.insert(0, Key(f"step {first}", "faint", "block"))
    shapes, bound_keys = level(symptom.bound, "limit", vertical=True, form=percent)
    panel = Panel(
        title,
        tuple(traces),
        (*keys, *bound_keys),
        x_title="share of the layer's units",
        shapes=shapes,
        x={"range": [0, 1.02], "tickformat": ".0%", "showgrid": True},
        y={"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
        height=70 + LAYER_HEIGHT * len(layers),
    )
    left_out = f" The {len(layers)} worst of {len(measured)} layers are shown." if len(layers) < len(measured) else ""
    return Figure((panel,), f"One group of bars for each layer, in the order of the network.{left_out}")


def _worst_layers(measured: dict[str, Series]) -> dict[str, Series]:
    """Select the layers with the largest shares. They stay in the order of the network."""
    worst_places = sorted(measured, key=lambda place: -measured[place].max)[:MOST_LAYERS]
    return {place: measured[place] for place in measured if place in worst_places}


def _layer_labels(places: list[str]) -> list[str]:
    """Return a label for each layer name. Long names are cut, and a number is added if this makes two equal."""
    labels = [chart_label(place or "model", 28) for place in places]
    return [f"{label} ({i + 1})" if labels.count(label) > 1 else label for i, label in enumerate(labels)]


def _bar_trace(labels: list[str], shares: list[float], tone: str, label: str) -> Trace:
    """Return a Plotly trace with a horizontal bar for each layer."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": labels,
        "name": label,
        "marker": {"color": tone, "line": {"width": 0}},
        "hovertemplate": "%{y}: %{x:.1%}",
    }
