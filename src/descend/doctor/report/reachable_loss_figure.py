"""The figure of the lowest loss that each call's output allows, and of the gradient that each call passes back."""

from dataclasses import dataclass
from math import isfinite

from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, axis_text, chart_label, level
from descend.doctor.report.formatting import one_line, percent
from descend.doctor.report.layer_figure import LAYER_HEIGHT

LONGEST_NAME = 32  # maximum number of characters shown of a function name
RELU_SHARE = 0.7  # share of the gradient norm that a ReLU passes back, √½ (He et al. 2015, §2.2)


@dataclass(frozen=True)
class Bar:
    """One bar of the chart, which shows a value of one call. tone: name of its colour in the style sheet."""

    label: str
    length: float
    tone: str


def reachable_loss_figure(record: Record, symptom: Symptom | None = None) -> Figure | None:
    """Return bar charts of the lowest loss that each call's output allows, and of the gradient that it passes back."""
    panels = [panel for panel in (_loss_panel(record), _gradient_panel(record)) if panel is not None]
    if not panels:
        return None
    captions = {
        facts.Floor: "the lowest loss that a different output of the call would allow, with the final weights",
        facts.OnNetwork: "the share of the gradient norm that the call passes back",
    }
    described = " or, in the lower chart, ".join(text for kind, text in captions.items() if record.every(kind))
    return Figure(tuple(panels), f"For each call, a bar shows {described}.")


def _loss_panel(record: Record) -> Panel | None:
    """Return a bar chart of the lowest loss that each call's output allows, with the final loss; None without data."""
    whole, floors = record.fact(facts.Reachability), record.every(facts.Floor)
    if not floors or whole is None or not isfinite(whole.constant):
        return None
    blocked = record.fact(facts.Crossing, "0")
    bars = []
    for place, call in floors.items():
        is_blocked = blocked is not None and call.floor >= blocked.before
        label = _call_label(record.site(SiteKind.FLOOR, place), call.function)
        bar_label = f"{label} (the output)" if call.is_output else label
        bars.append(Bar(bar_label, call.floor, "cause" if is_blocked else "faint"))
    constant, constant_keys = level(whole.constant, "loss of the best constant output:", vertical=True)
    cost, cost_keys = level(whole.cost, "loss at the end of the run:", vertical=True)
    dotted = tuple({**shape, "line": {**shape["line"], "dash": "dot"}} for shape in cost)
    keys = (*constant_keys, *(Key(key.label, key.tone, "dotted") for key in cost_keys))
    ends = [0.0, *(bar.length for bar in bars), whole.constant, whole.cost]
    margin = 0.04 * (max(ends) - min(ends))
    x = {"showgrid": True, "range": [min(ends) - (margin if min(ends) < 0 else 0), max(ends) + margin]}
    return _bar_panel("Lowest reachable loss after each call", bars, "loss", x, (*constant, *dotted), keys)


def _gradient_panel(record: Record) -> Panel | None:
    """Return a bar chart of the share of the gradient norm that each call passes back; None without data."""
    bars = [
        Bar(_call_label(record.site(SiteKind.ON_NETWORK, place), call.function), call.passes, "cause")
        for place, call in record.every(facts.OnNetwork).items()
    ]
    shapes, keys = level(RELU_SHARE, "a ReLU passes", vertical=True, form=percent)
    x = {"showgrid": True, "range": [0.0, 1.02], "tickformat": ".0%"}
    return (
        _bar_panel("Gradient norm that each call passes back", bars, "share of the gradient norm", x, shapes, keys)
        if bars
        else None
    )


def _call_label(site: Site | None, function: str) -> str:
    """Return the label of a call, with its line number and the name of the function."""
    name = one_line(function, LONGEST_NAME)
    return f"line {site.line}: {name}" if site else name


def _bar_panel(
    title: str, bars: list[Bar], unit: str, x: Trace, shapes: tuple[Trace, ...], keys: tuple[Key, ...]
) -> Panel:
    """Return a chart with a horizontal bar for each call. Equal labels get a number."""
    labels = [bar.label for bar in bars]
    rows = [chart_label(f"{label} ({i + 1})" if labels.count(label) > 1 else label) for i, label in enumerate(labels)]
    trace: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": [bar.length for bar in bars],
        "y": rows,
        "marker": {"color": [bar.tone for bar in bars], "line": {"width": 0}},
        "hovertext": [f"{row}: {axis_text(bar.length, x)}" for row, bar in zip(rows, bars)],
        "hoverinfo": "text",
    }
    y = {"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""}
    height = 70 + LAYER_HEIGHT * len(rows)
    return Panel(title, (trace,), keys, x_title=unit, shapes=shapes, x=x, y=y, height=height)
