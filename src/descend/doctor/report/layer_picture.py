"""A share of units in every layer, at the first probe and at the last, against a bound."""

from math import isfinite

from descend.doctor.record import Record, Series
from descend.doctor.report.figure import Figure, Key, Panel, Trace, level, words
from descend.doctor.symptoms import Symptom

MOST_LAYERS = 24  # the worst, where there are more
LAYER_HEIGHT = 34  # pixels


def layer_bars(record: Record, symptom: Symptom, name: str, title: str) -> Figure | None:
    """Return bars of the series `name` (0 to 1), one pair for each place in the order of the network."""
    measured = {place: record.series(name, place) for place in record.places(name)}
    measured = {place: series for place, series in measured.items() if isfinite(series.max)}
    if not measured:
        return None
    shown = _worst(measured)
    steps = [step for series in shown.values() for step in series.steps]
    first, last = min(steps), max(steps)
    labels = _labels(list(shown))
    traces = [_bars(labels, [series.last for series in shown.values()], "cause", f"step {last}")]
    keys = [Key(f"step {last}", "cause", "block")]
    if first != last:
        traces.insert(0, _bars(labels, [series.first for series in shown.values()], "faint", f"step {first}"))
        keys.insert(0, Key(f"step {first}", "faint", "block"))
    shapes, bound_keys = level(symptom.bound, "bound", vertical=True)
    panel = Panel(
        title,
        tuple(traces),
        (*keys, *bound_keys),
        x_title="share of the layer's units",
        shapes=shapes,
        x={"range": [0, 1.02], "tickformat": ".0%", "showgrid": True},
        y={"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
        height=70 + LAYER_HEIGHT * len(shown),
    )
    left_out = f" The {len(shown)} worst of {len(measured)} are shown." if len(shown) < len(measured) else ""
    return Figure((panel,), f"One group of bars for each layer, in the order of the network.{left_out}")


def _worst(measured: dict[str, Series]) -> dict[str, Series]:
    kept = sorted(measured, key=lambda place: -measured[place].max)[:MOST_LAYERS]
    return {place: measured[place] for place in measured if place in kept}


def _labels(places: list[str]) -> list[str]:
    """Return one distinct label for each layer: two long names may look the same once they are cut."""
    labels = [words(place or "model", 28) for place in places]
    return [f"{label} ({i + 1})" if labels.count(label) > 1 else label for i, label in enumerate(labels)]


def _bars(labels: list[str], shares: list[float], tone: str, label: str) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": labels,
        "name": label,
        "marker": {"color": tone, "line": {"width": 0}},
        "hovertemplate": "%{y}: %{x:.1%}",
    }
