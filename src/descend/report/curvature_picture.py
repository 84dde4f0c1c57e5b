"""The curvature that was measured at points of a run, as pictures and tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite, pi, sqrt
from typing import Any

from descend.interval import mean_interval
from descend.record import Record
from descend.report.figure import Figure, Key, Panel, Trace, level
from descend.report.table import Table
from descend.report.wording import count, number
from descend.symptoms.stability import stability_bound

TONES = ("ink", "cause", "cure", "third", "fourth")  # of one point after another
SMOOTHED, DRAWN = 0.01, 400  # the width of the density's kernel, as a share of the range; points of the curve
MOST_LAYERS = 16
FACTS = ("point", "eigenvalues", "spectrum")  # as they come


@dataclass(frozen=True)
class Looked:
    """What was measured at one point of the run."""

    label: str
    step: int
    point: Mapping[str, Any]
    eigenvalues: Mapping[str, Any]
    spectrum: Mapping[str, Any]

    @property
    def bound(self) -> float:
        """The largest eigenvalue that the rule in use can take; NaN where none is known."""
        found, lr = stability_bound(dict(self.point["optimizer"])), self.point["optimizer"].get("lr")
        return found.value / lr if found and lr else float("nan")


def looked_at(record: Record) -> list[Looked]:
    """Return what is known of each point, in the order of the run; of an interrupted one what there is."""
    return [
        Looked(
            label,
            record.history("point", label)[-1].step,
            *(record.fact(name, label) or {} for name in FACTS),
        )
        for label in record.places("point")
    ]


def curvature_pictures(record: Record) -> list[Figure | Table]:
    """Return the tables and the pictures of the curvature at the points of a run; none where nothing is known."""
    found = looked_at(record)
    pictures: list[Figure | Table] = [_summary(found)] if found else []
    pictures += [_density(found)] if any(looked.spectrum for looked in found) else []
    pictures += [_layers(looked) for looked in found if looked.spectrum]
    return pictures


def _summary(found: list[Looked]) -> Table:
    rows = []
    for looked in found:
        ends = looked.eigenvalues
        top = number(ends["top"][0][0]) if ends else ""
        bottom = number(ends["bottom"][0][0]) if ends else ""
        rows.append((looked.label, str(looked.step), number(looked.point["loss"]), top, bottom, _trace(looked)))
    caption = (
        "The Hessian of the cost of the same fixed examples. λmax and λmin: its largest and smallest eigenvalue; the "
        "trace is their sum, an estimate with its 95 % interval unless the matrix was formed."
    )
    head = ("weights", "step", "cost", "λmax", "λmin", "trace")
    return Table("Curvature", head, rows, caption, frozenset({1, 2, 3, 4}))


def _trace(looked: Looked) -> str:
    if not looked.spectrum:
        return ""
    samples = looked.spectrum["trace"]
    value = number(sum(samples) / len(samples))
    if len(samples) < 2:  # formed, and exact
        return value
    low, high = mean_interval(samples)
    return f"{value} [{number(low)}, {number(high)}]"


def _density(found: list[Looked]) -> Figure:
    traces: list[Trace] = []
    keys, shapes = list[Key](), list[Trace]()
    known = [looked for looked in found if looked.spectrum]
    for looked, tone in zip(known, TONES):
        traces.append(_curve(looked, tone))
        keys.append(Key(f"{looked.label} weights", tone))
    bounds = {looked.bound for looked in known if isfinite(looked.bound)}
    highest = max(max(looked.spectrum["values"]) for looked in known)
    for bound in sorted(bounds)[:1]:
        if bound <= 3 * highest:
            marks, named = level(bound, "stability bound", vertical=True)
            shapes += marks
            keys += named
    panel = Panel(
        "Density of the eigenvalues",
        tuple(traces),
        tuple(keys),
        x_title="eigenvalue of the Hessian",
        shapes=tuple(shapes),
        x={"exponentformat": "power"},
        y={"type": "log", "exponentformat": "power"},
        height=280,
    )
    caption = (
        "How many of the eigenvalues lie where, each smoothed over a hundredth of their range, on a logarithmic scale. "
        "Most directions of a network are nearly flat: what matters is how far the few to the right reach, and whether "
        "any lies left of 0, where the cost bends downwards."
    )
    if any(isfinite(looked.bound) for looked in known):
        caption += " Beyond the stability bound of the rule in use a step ends higher up than it began."
    return Figure((panel,), caption)


def _curve(looked: Looked, tone: str) -> Trace:
    values, weights = looked.spectrum["values"], looked.spectrum["weights"]
    low, high = min(values), max(values)
    width = SMOOTHED * ((high - low) or abs(high) or 1.0)
    at = [low - 3 * width + k * (high - low + 6 * width) / (DRAWN - 1) for k in range(DRAWN)]
    height = 1 / (width * sqrt(2 * pi))
    density = [sum(w * height * exp(-(((x - v) / width) ** 2) / 2) for v, w in zip(values, weights)) for x in at]
    least = height / looked.point["parameters"] / 100  # a hundredth of one eigenvalue's peak
    return {
        "type": "scatter",
        "mode": "lines",
        "x": at,
        "y": [value if value > least else None for value in density],
        "name": looked.label,
        "line": {"color": tone, "width": 1.5},
        "hovertemplate": "λ = %{x:.3g}",
    }


def _layers(looked: Looked) -> Figure:
    traces = {name: sum(samples) / len(samples) for name, samples in looked.spectrum["layers"].items()}
    shown = sorted(traces, key=lambda name: -abs(traces[name]))[:MOST_LAYERS]
    kept = [name for name in traces if name in shown]
    trace: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": [traces[name] for name in kept],
        "y": kept,
        "name": "trace",
        "marker": {"color": "cause", "line": {"width": 0}},
        "hovertemplate": "%{y}: %{x:.3g}",
    }
    panel = Panel(
        f"Trace of each parameter's block, {looked.label} weights",
        (trace,),
        x_title="trace of its block of the Hessian",
        x={"exponentformat": "power", "showgrid": True},
        y={"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
        height=70 + 22 * len(kept),
    )
    left = f" The {len(kept)} largest of {count(len(traces), 'parameter')}." if len(kept) < len(traces) else ""
    return Figure((panel,), f"Which parameters hold the curvature: the parts add up to the whole trace.{left}")
