"""How low the loss can go behind each call, and how much of the gradient passes it: where a network is blocked."""

from dataclasses import dataclass
from math import isfinite

from descend.doctor.record import Record, Site, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, level, words
from descend.doctor.report.layer_picture import LAYER_HEIGHT
from descend.doctor.report.wording import number, one_line
from descend.doctor.symptoms import Symptom

LONGEST = 32  # characters of a call's name
RECTIFIER = 0.7  # of the gradient's norm passes one (He et al. 2015, §2.2)


@dataclass(frozen=True)
class Bar:
    """One call: how long its bar is, and in which tone."""

    label: str
    length: float
    tone: str


def floors(record: Record, symptom: Symptom | None = None) -> Figure | None:
    """Return the floors along the graph, the input's side above; below them what passes of the gradient."""
    panels = [panel for panel in (_floors(record), _passing(record)) if panel is not None]
    if not panels:
        return None
    captions = {
        facts.Floor: "the lowest loss that any values behind the call could give, the weights as they are at the end",
        facts.OnNetwork: "the share of the gradient's length that passes the call",
    }
    told = "; below it ".join(text for kind, text in captions.items() if record.every(kind))
    return Figure(tuple(panels), f"Each row is a call with its line: {told}.")


def _floors(record: Record) -> Panel | None:
    """The floors behind each call, against what one answer for all examples costs, and what the run came to."""
    whole, known = record.fact(facts.Reachability), record.every(facts.Floor)
    if not known or whole is None or not isfinite(whole.constant):
        return None
    barring = record.fact(facts.Crossing, "0")
    bars = []
    for place, behind in known.items():
        is_barred = barring is not None and behind.floor >= barring.before
        label = _label(record.site("floor", place), behind.function)
        named = f"{label} (the output)" if behind.is_output else label
        bars.append(Bar(named, behind.floor, "cause" if is_barred else "faint"))
    constant, constant_keys = level(whole.constant, "one answer for all examples", vertical=True)
    cost, cost_keys = level(whole.cost, "at the end of the run", vertical=True)
    dotted = tuple({**shape, "line": {**shape["line"], "dash": "dot"}} for shape in cost)
    keys = (*constant_keys, *(Key(key.label, key.tone, "dotted") for key in cost_keys))
    ends = [0.0, *(bar.length for bar in bars), whole.constant, whole.cost]
    room = 0.04 * (max(ends) - min(ends))
    x = {"showgrid": True, "range": [min(ends) - (room if min(ends) < 0 else 0), max(ends) + room]}
    return _panel("Lowest loss behind each call", bars, "loss", x, (*constant, *dotted), keys)


def _passing(record: Record) -> Panel | None:
    bars = [
        Bar(_label(record.site("on_network", place), call.function), call.passes, "cause")
        for place, call in record.every(facts.OnNetwork).items()
    ]
    shapes, keys = level(RECTIFIER, "a rectifier", vertical=True)
    x = {"showgrid": True, "range": [0.0, 1.02]}
    return _panel("Share of the gradient that passes", bars, "share", x, shapes, keys) if bars else None


def _label(site: Site | None, function: str) -> str:
    name = one_line(function, LONGEST)
    return f"line {site.line}: {name}" if site else name


def _panel(title: str, bars: list[Bar], unit: str, x: Trace, shapes: tuple[Trace, ...], keys: tuple[Key, ...]) -> Panel:
    labels = [bar.label for bar in bars]
    rows = [words(f"{label} ({i + 1})" if labels.count(label) > 1 else label) for i, label in enumerate(labels)]
    trace: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": [bar.length for bar in bars],
        "y": rows,
        "marker": {"color": [bar.tone for bar in bars], "line": {"width": 0}},
        "hovertext": [f"{row}: {number(bar.length)}" for row, bar in zip(rows, bars)],
        "hoverinfo": "text",
    }
    y = {"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""}
    height = 70 + LAYER_HEIGHT * len(rows)
    return Panel(title, (trace,), keys, x_title=unit, shapes=shapes, x=x, y=y, height=height)
