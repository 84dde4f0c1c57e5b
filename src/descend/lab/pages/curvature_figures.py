"""Figures and tables of the curvature that was measured at points of a run."""

from collections.abc import Iterator
from math import exp, isfinite, pi, sqrt

from descend.doctor.record import Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, level
from descend.doctor.report.formatting import count, number
from descend.lab.pages.curvature_table import MeasuredPoint, measured_points, summary_table
from descend.lab.pages.directions_table import directions_table
from descend.lab.pages.table import Table
from descend.lab.pages.taylor_figure import taylor_figure

FARTHEST_LIMIT = 3  # a stability limit above this multiple of the largest eigenvalue is not drawn
KERNEL_WIDTH = 0.01  # width of the density estimate's kernel, as a share of the range of eigenvalues
CURVE_POINTS = 400
MOST_LAYERS = 16


def curvature_figures(record: Record) -> list[Figure | Table]:
    """Return the tables and figures of the curvature at several steps of a run; empty if nothing was measured."""
    points = measured_points(record)
    figures: list[Figure | Table] = [summary_table(points)] if points else []
    for point in points:
        figures += _point_figures(point)
    return figures


def _point_figures(measured: MeasuredPoint) -> Iterator[Figure | Table]:
    """Yield the tables and figures of the curvature at one step of the run."""
    if measured.directions:
        table = directions_table(measured.label, measured.step, measured.point.optimizer, measured.directions)
        yield from [table] if table else []
    if measured.spectrum:
        yield _density_figure(measured, measured.spectrum)
        yield _traces_figure(measured.label, measured.spectrum)
    if measured.taylor and measured.taylor.along:
        yield taylor_figure(measured.label, measured.taylor)


def _density_figure(measured: MeasuredPoint, spectrum: facts.Spectrum) -> Figure:
    """Return a figure of the density of the Hessian eigenvalues, in which the stability limit is marked."""
    highest, shapes = max(spectrum.values), list[Trace]()
    keys = [Key("eigenvalues", "cause")]
    if isfinite(measured.stability_limit) and measured.stability_limit <= FARTHEST_LIMIT * highest:
        marks, named = level(measured.stability_limit, "stability limit", vertical=True)
        shapes, keys = [*marks], [*keys, *named]
    panel = Panel(
        f"Density of the Hessian eigenvalues at the {measured.label} weights",
        (_density_curve(measured, spectrum, "cause"),),
        tuple(keys),
        x_title="eigenvalue of the Hessian",
        shapes=tuple(shapes),
        x={"exponentformat": "power"},
        y={"type": "log", "exponentformat": "power", "title": {"text": "share per unit", "standoff": 4}},
        height=240,
    )
    caption = (
        "The density of the eigenvalues on a logarithmic scale. Each eigenvalue is smoothed over a hundredth of the "
        "range of eigenvalues. Most directions of a network are nearly flat. The few large eigenvalues limit the "
        "learning rate; negative ones are directions in which the loss curves downwards."
    )
    if isfinite(measured.stability_limit):
        caption += f" The optimizer is stable up to an eigenvalue of {number(measured.stability_limit)}."
    return Figure((panel,), caption)


def _density_curve(measured: MeasuredPoint, spectrum: facts.Spectrum, tone: str) -> Trace:
    """Return the Plotly trace of the eigenvalue density, which is a sum of Gaussian kernels."""
    values, weights = spectrum.values, spectrum.weights
    low, high = min(values), max(values)
    width = KERNEL_WIDTH * ((high - low) or abs(high) or 1.0)
    at = [low - 3 * width + k * (high - low + 6 * width) / (CURVE_POINTS - 1) for k in range(CURVE_POINTS)]
    height = 1 / (width * sqrt(2 * pi))
    density = [sum(w * height * exp(-(((x - v) / width) ** 2) / 2) for v, w in zip(values, weights)) for x in at]
    # A density below a hundredth of the peak of a single eigenvalue is not drawn.
    least = height / measured.point.parameters / 100
    return {
        "type": "scatter",
        "mode": "lines",
        "x": at,
        "y": [value if value > least else None for value in density],
        "name": measured.label,
        "line": {"color": tone, "width": 1.5},
        "hovertemplate": "λ = %{x:.3g}",
    }


def _traces_figure(label: str, spectrum: facts.Spectrum) -> Figure:
    """Return a bar chart with a bar for each parameter tensor: the trace of its block of the Hessian."""
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
        f"Trace of the Hessian block of each parameter at the {label} weights",
        (trace,),
        x_title="trace of the Hessian block",
        x={"exponentformat": "power", "showgrid": True},
        y={"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""},
        height=70 + 22 * len(kept),
    )
    left = f" The {len(kept)} largest of {count(len(traces), 'parameter')}." if len(kept) < len(traces) else ""
    return Figure((panel,), f"The traces of all blocks add up to the trace of the Hessian.{left}")
