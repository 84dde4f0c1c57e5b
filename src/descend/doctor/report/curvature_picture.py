"""The curvature that was measured at points of a run, as pictures and tables."""

from collections.abc import Iterator
from math import exp, isfinite, pi, sqrt

from descend.doctor.record import Record, facts
from descend.doctor.report.curvature_summary import Looked, looked_at, summary
from descend.doctor.report.directions_table import directions_table
from descend.doctor.report.figure import Figure, Key, Panel, Trace, level
from descend.doctor.report.table import Table
from descend.doctor.report.taylor_picture import taylor_picture
from descend.doctor.report.wording import count, number

FAR = 3  # times the largest eigenvalue: a bound beyond is not drawn
SMOOTHED, DRAWN = 0.01, 400  # the width of the density's kernel, as a share of the range; points of the curve
MOST_LAYERS = 16


def curvature_pictures(record: Record) -> list[Figure | Table]:
    """Return the tables and the pictures of the curvature at the points of a run; none where nothing is known."""
    found = looked_at(record)
    pictures: list[Figure | Table] = [summary(found)] if found else []
    for looked in found:
        pictures += _of_one(looked)
    return pictures


def _of_one(looked: Looked) -> Iterator[Figure | Table]:
    if looked.directions:
        table = directions_table(looked.label, looked.step, looked.point.optimizer, looked.directions)
        yield from [table] if table else []
    if looked.spectrum:
        yield _density(looked, looked.spectrum)
        yield _layers(looked.label, looked.spectrum)
    if looked.taylor and looked.taylor.along:
        yield taylor_picture(looked.label, looked.taylor)


def _density(looked: Looked, spectrum: facts.Spectrum) -> Figure:
    highest, shapes = max(spectrum.values), list[Trace]()
    keys = [Key("eigenvalues", "cause")]
    if isfinite(looked.bound) and looked.bound <= FAR * highest:
        marks, named = level(looked.bound, "stability bound", vertical=True)
        shapes, keys = [*marks], [*keys, *named]
    panel = Panel(
        f"Density of the eigenvalues, {looked.label} weights",
        (_curve(looked, spectrum, "cause"),),
        tuple(keys),
        x_title="eigenvalue of the Hessian",
        shapes=tuple(shapes),
        x={"exponentformat": "power"},
        y={"type": "log", "exponentformat": "power", "title": {"text": "share per unit", "standoff": 4}},
        height=240,
    )
    caption = (
        "Which share of the eigenvalues lies where, per unit, each smoothed over a hundredth of their range, on a "
        "logarithmic scale. Most directions of a network are nearly flat; what matters is how far the few to the right "
        "reach, and what lies left of 0, where the cost bends downwards."
    )
    if isfinite(looked.bound):
        caption += f" The rule in use does not diverge up to {number(looked.bound)}."
    return Figure((panel,), caption)


def _curve(looked: Looked, spectrum: facts.Spectrum, tone: str) -> Trace:
    values, weights = spectrum.values, spectrum.weights
    low, high = min(values), max(values)
    width = SMOOTHED * ((high - low) or abs(high) or 1.0)
    at = [low - 3 * width + k * (high - low + 6 * width) / (DRAWN - 1) for k in range(DRAWN)]
    height = 1 / (width * sqrt(2 * pi))
    density = [sum(w * height * exp(-(((x - v) / width) ** 2) / 2) for v, w in zip(values, weights)) for x in at]
    least = height / looked.point.parameters / 100  # a hundredth of one eigenvalue's peak
    return {
        "type": "scatter",
        "mode": "lines",
        "x": at,
        "y": [value if value > least else None for value in density],
        "name": looked.label,
        "line": {"color": tone, "width": 1.5},
        "hovertemplate": "λ = %{x:.3g}",
    }


def _layers(label: str, spectrum: facts.Spectrum) -> Figure:
    traces = {name: sum(samples) / len(samples) for name, samples in spectrum.layers.items()}
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
        f"Trace of each parameter's block, {label} weights",
        (trace,),
        x_title="trace of its block of the Hessian",
        x={"exponentformat": "power", "showgrid": True},
        y={"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
        height=70 + 22 * len(kept),
    )
    left = f" The {len(kept)} largest of {count(len(traces), 'parameter')}." if len(kept) < len(traces) else ""
    return Figure((panel,), f"Which parameters hold the curvature: the parts add up to the whole trace.{left}")
