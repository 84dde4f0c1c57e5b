"""The figure for inputs that are not normalised: mean ± standard deviation of each feature, and the curvature."""

from math import asinh, ceil, floor, isfinite, log10, nan
from typing import Any

from descend.core.scale import LOG_DECADES
from descend.doctor.assess.stability import PRECONDITIONED, stability_bound, uses_rule
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, facts
from descend.doctor.report.figure import MOST_TICKS, Figure, Key, Panel, Trace, level, line, value_axis
from descend.doctor.report.formatting import number
from descend.doctor.report.stability_figure import times_learning_rate

MOST_FEATURES = 400  # largest number of features that are drawn
FEW_FEATURES = 80  # With at most this many features, the means are drawn as large points.
BOUND_CAPTION = (
    " α·λmax is the learning rate times the largest Hessian eigenvalue. Above the stability limit, a step along the "
    "steepest direction increases the loss."
)

Feature = tuple[int, float, float]  # index, mean and standard deviation of a feature


def inputs_not_normalised(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure for inputs that are not normalised: the range of each feature, and the loss curvature."""
    features = read_features(record, symptom)
    curvature = _curvature_panel(record, symptom.optimizer)
    panels = ((_feature_panel(features),) if features else ()) + ((curvature,) if curvature else ())
    caption = _caption(features) + (BOUND_CAPTION if curvature and curvature.shapes else "")
    if curvature:
        caption += _measured_until_message(record, symptom.optimizer)
    return Figure(panels, caption) if panels else None


def read_features(record: Record, symptom: Symptom) -> list[Feature]:
    """Return the index, mean and standard deviation of each input feature; features with NaN or ∞ are omitted."""
    all_inputs = record.every(facts.Inputs)
    candidates = (all_inputs[p] for p in (symptom.module, symptom.optimizer, "") if p in all_inputs)
    inputs = next(candidates, next(iter(all_inputs.values()), None))
    pairs = zip(inputs.mean, inputs.std) if inputs else ()
    return [(i, mean, std) for i, (mean, std) in enumerate(pairs) if isfinite(mean) and isfinite(std)]


def select_features(features: list[Feature], limit: int = MOST_FEATURES) -> list[Feature]:
    """Reduce the features to about `limit`: of each group of neighbours, keep those with smallest and largest σ."""
    if len(features) <= limit:
        return features
    stride = ceil(2 * len(features) / limit)
    selection: set[Feature] = set()
    for start in range(0, len(features), stride):
        stretch = features[start : start + stride]
        selection |= {min(stretch, key=lambda f: f[2]), max(stretch, key=lambda f: f[2])}
    return sorted(selection)


def _caption(features: list[Feature]) -> str:
    """Return the caption, which explains the bars of the input features or, without bars, the curvature."""
    if not features:
        return "Largest Hessian eigenvalue with the inputs as they are, and with standardised inputs."
    drawn_count = len(select_features(features))
    omission = (
        f". Only {drawn_count} of {number(len(features))} features are drawn" if drawn_count < len(features) else ""
    )
    ends = [end for _, mean, std in features for end in (mean - std, mean + std)]
    axis = " The axis is linear near zero and logarithmic for larger values." if _linear_range(ends) else ""
    return f"Each bar shows one input feature, from μ − σ to μ + σ{omission}.{axis}"


def _measured_until_message(record: Record, optimizer: str) -> str:
    """Return a sentence that says at which step the curve for standardised inputs ends.

    Return "" if this curve does not end before the curve for the inputs as they are.
    """
    raw, standardised = (record.series(name, optimizer).steps[-1] for name in ("curvature", "curvature_standardised"))
    return f" The curve for standardised inputs ends at step {standardised}." if standardised < raw else ""


def _curvature_panel(record: Record, optimizer: str) -> Panel | None:
    """Return a chart of learning rate × largest Hessian eigenvalue, for raw and for standardised inputs."""
    raw, standardised = (record.series(name, optimizer) for name in ("curvature", "curvature_standardised"))
    if not (len(raw) and len(standardised)):
        return None
    rate, title, bound = record.series("learning_rate", optimizer), "λmax", nan
    if len(rate):
        raw, standardised, title = times_learning_rate(raw, rate), times_learning_rate(standardised, rate), "α·λmax"
        bound = _stability_limit(record, optimizer)
    traces = (line(raw, "cause", "inputs as they are"), line(standardised, "cure", "inputs standardised"))
    shapes, limit_keys = level(bound, "stability limit")
    keys = (Key("inputs as they are", "cause"), Key("inputs standardised", "cure"), *limit_keys)
    return Panel(title, traces, keys, shapes=shapes, y=value_axis([*raw.values, *standardised.values]))


def _stability_limit(record: Record, optimizer: str) -> float:
    """Return the stability limit of learning rate × largest Hessian eigenvalue; NaN if this limit does not apply."""
    is_another = uses_rule(record, optimizer, PRECONDITIONED)
    bound = None if is_another else stability_bound(record.fact(facts.Optimizer, optimizer))
    return nan if bound is None else bound.value


def _feature_panel(features: list[Feature]) -> Panel:
    """Return a chart with a vertical bar for each input feature, from mean − σ to mean + σ."""
    selection = select_features(features)
    ends = [end for _, mean, std in selection for end in (mean - std, mean + std)]
    scale = _linear_range(ends)
    bars: Trace = {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "line": {"color": "cause", "width": 2},
    }
    bars |= {"x": [], "y": []}
    for index, mean, std in selection:
        bars["x"] += [index, index, None]
        bars["y"] += [_axis_position(mean - std, scale), _axis_position(mean + std, scale), None]
    keys = (Key("mean ± σ", "cause"), Key("standardised, 0 ± 1", "cure", "band"))
    return Panel(
        "Input features",
        (bars, _mean_points(selection, scale)),
        keys,
        x_title="input feature",
        shapes=_standardised_band(scale),
        x={"dtick": 1} if len(selection) <= 16 else {},
        y={"zeroline": False, **_axis_ticks(ends, scale)},
        height=280,
    )


def _mean_points(selection: list[Feature], scale: float) -> Trace:
    """Return a Plotly trace with a point at the mean of each input feature."""
    hover = [f"feature {index}: {number(mean)} ± {number(std)}" for index, mean, std in selection]
    points = {"x": [index for index, _, _ in selection], "y": [_axis_position(mean, scale) for _, mean, _ in selection]}
    marker = {"size": 6 if len(selection) <= FEW_FEATURES else 3, "color": "cause"}
    return {
        "type": "scatter",
        "mode": "markers",
        **points,
        "marker": marker,
        "hovertext": hover,
        "hoverinfo": "text",
    }


def _standardised_band(scale: float) -> tuple[Trace, ...]:
    """Return the Plotly shapes of a band from −1 to 1, which is μ ± σ of standardised features, and of a line at 0."""
    across = {"x0": 0, "x1": 1, "xref": "paper", "yref": "y", "layer": "below"}
    ends = {"y0": _axis_position(-1, scale), "y1": _axis_position(1, scale)}
    band = {"type": "rect", **across, **ends, "fillcolor": "cure", "opacity": 0.22, "line": {"width": 0}}
    return band, {"type": "line", **across, "y0": 0, "y1": 0, "line": {"color": "cure", "width": 1}}


def _linear_range(ends: list[float]) -> float:
    """Return the value up to which an axis is linear, before it becomes logarithmic; 0 if all of the axis is linear."""
    largest = max((abs(end) for end in ends), default=1.0)
    return 1.0 if largest > 10**LOG_DECADES else 0.0


def _axis_position(value: float, scale: float) -> float:
    """Return the position of a value on an axis that is linear up to `scale` and then logarithmic; 0 means linear."""
    return asinh(value / scale) if scale else value


def _axis_ticks(ends: list[float], scale: float) -> dict[str, Any]:
    """Return the Plotly tick labels of an axis that is linear near 0 and logarithmic for larger values."""
    if not scale:
        return {}
    decades = floor(log10(max(abs(end) for end in ends)))
    sizes = [10.0**decade for decade in range(0, decades + 1, max(1, ceil(decades / MOST_TICKS)))]
    low, high = min(ends), max(ends)
    values = [-size for size in reversed(sizes) if -size >= low] + [0.0] + [size for size in sizes if size <= high]
    return {
        "tickvals": [_axis_position(value, scale) for value in values],
        "ticktext": [number(value) for value in values],
    }
