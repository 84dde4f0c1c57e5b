"""How low the loss can go behind each call, and how much of the gradient passes it: where a network is blocked."""

from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from descend.record import Record
from descend.report.figure import Figure, Key, Panel, Trace, level, words
from descend.report.layer_picture import LAYER_HEIGHT
from descend.report.wording import number, one_line
from descend.symptoms.symptom import Symptom

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
        "floor": "the lowest loss that any values behind the call could give, the weights as they are at the end",
        "on_network": "the share of the gradient's length that passes the call",
    }
    told = "; below it ".join(text for kind, text in captions.items() if record.places(kind))
    return Figure(tuple(panels), f"Each row is a call with its line: {told}.")


def _floors(record: Record) -> Panel | None:
    """The floors behind each call, against what one answer for all examples costs, and what the run came to."""
    whole = record.fact("reachability") or {}
    rows = [(_label(record, "floor", place), fact) for place, fact in _facts(record, "floor")]
    if not rows or not isfinite(whole.get("constant", nan)):
        return None
    barring = (record.fact("crossing", "0") or {}).get("before")
    bars = []
    for label, fact in rows:
        is_barred = barring is not None and fact["floor"] >= barring
        named = f"{label} (the output)" if fact.get("is_output") else label
        bars.append(Bar(named, float(fact["floor"]), "cause" if is_barred else "faint"))
    constant, constant_keys = level(whole["constant"], "one answer for all examples", vertical=True)
    cost, cost_keys = level(whole["cost"], "at the end of the run", vertical=True)
    dotted = tuple({**shape, "line": {**shape["line"], "dash": "dot"}} for shape in cost)
    keys = (*constant_keys, *(Key(key.label, key.tone, "dotted") for key in cost_keys))
    ends = [0.0, *(bar.length for bar in bars), whole["constant"], whole["cost"]]
    room = 0.04 * (max(ends) - min(ends))
    x = {"showgrid": True, "range": [min(ends) - (room if min(ends) < 0 else 0), max(ends) + room]}
    return _panel("Lowest loss behind each call", bars, "loss", x, (*constant, *dotted), keys)


def _passing(record: Record) -> Panel | None:
    bars = [
        Bar(_label(record, "on_network", place), float(fact["passes"]), "cause")
        for place, fact in _facts(record, "on_network")
    ]
    shapes, keys = level(RECTIFIER, "a rectifier", vertical=True)
    x = {"showgrid": True, "range": [0.0, 1.02]}
    return _panel("Share of the gradient that passes", bars, "share", x, shapes, keys) if bars else None


def _facts(record: Record, kind: str) -> list[tuple[str, Any]]:
    return [(place, fact) for place in record.places(kind) if (fact := record.fact(kind, place)) is not None]


def _label(record: Record, kind: str, place: str) -> str:
    site, fact = record.site(kind, place), record.fact(kind, place) or {}
    name = one_line(str(fact.get("function", "")), LONGEST)
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
