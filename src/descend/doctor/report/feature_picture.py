"""Inputs that are not normalised: the mean and width of every feature, next to the standardised unit."""

from math import asinh, ceil, floor, isfinite, log10, nan
from typing import Any

from descend.doctor.course.stability import PRECONDITIONED, is_of, stability_bound
from descend.doctor.record import Record, facts
from descend.doctor.report.figure import MOST_TICKS, Figure, Key, Panel, Trace, level, line, value_axis
from descend.doctor.report.sharpness import times_rate
from descend.doctor.report.wording import number
from descend.doctor.symptoms import Symptom
from descend.ground.scale import LOG_DECADES

MOST_FEATURES = 400  # of every stretch of more the narrowest and the widest
FEW_FEATURES = 80  # whose means are drawn as large points
BOUND = (
    " α·λmax is the learning rate times the largest curvature; above its bound a step along the steepest direction "
    "ends higher up than it began."
)

Feature = tuple[int, float, float]  # index, mean, σ


def inputs_not_normalised(record: Record, symptom: Symptom) -> Figure | None:
    """Inputs: mean ± σ of every feature; then α·λmax as it is and as it would be on standardised inputs."""
    features = read_features(record, symptom)
    curvature = _curvature_panel(record, symptom.optimizer)
    panels = ((_feature_panel(features),) if features else ()) + ((curvature,) if curvature else ())
    caption = _caption(features) + (BOUND if curvature and curvature.shapes else "")
    if curvature:
        caption += _measured_until(record, symptom.optimizer)
    return Figure(panels, caption) if panels else None


def read_features(record: Record, symptom: Symptom) -> list[Feature]:
    """Return (index, mean, σ) of every feature whose mean and σ are finite numbers."""
    known = record.every(facts.Inputs)
    wanted = (known[p] for p in (symptom.module, symptom.optimizer, "") if p in known)
    inputs = next(wanted, next(iter(known.values()), None))
    pairs = zip(inputs.mean, inputs.std) if inputs else ()
    return [(i, mean, std) for i, (mean, std) in enumerate(pairs) if isfinite(mean) and isfinite(std)]


def thin_features(features: list[Feature], limit: int = MOST_FEATURES) -> list[Feature]:
    """Return at most about `limit` features, the widest and the narrowest of every stretch."""
    if len(features) <= limit:
        return features
    stride = ceil(2 * len(features) / limit)
    kept: set[Feature] = set()
    for start in range(0, len(features), stride):
        stretch = features[start : start + stride]
        kept |= {min(stretch, key=lambda f: f[2]), max(stretch, key=lambda f: f[2])}
    return sorted(kept)


def _caption(features: list[Feature]) -> str:
    if not features:
        return "The curvature as it is, and what it would be on standardised inputs."
    shown = len(thin_features(features))
    drawn = f"; {shown} of {number(len(features))} are drawn, the extremes among them" if shown < len(features) else ""
    ends = [end for _, mean, std in features for end in (mean - std, mean + std)]
    axis = " The axis is linear near zero and logarithmic beyond." if _linear_below(ends) else ""
    return f"Each bar is one input feature, from μ − σ to μ + σ{drawn}.{axis}"


def _measured_until(record: Record, optimizer: str) -> str:
    """Say where the curve on standardised inputs ends, if the other goes on: it has not become 0 there."""
    raw, standardised = (record.series(name, optimizer).steps[-1] for name in ("curvature", "curvature_standardised"))
    return f" On standardised inputs it was measured up to step {standardised}." if standardised < raw else ""


def _curvature_panel(record: Record, optimizer: str) -> Panel | None:
    raw, standardised = (record.series(name, optimizer) for name in ("curvature", "curvature_standardised"))
    if not (len(raw) and len(standardised)):
        return None
    rate, title, bound = record.series("learning_rate", optimizer), "λmax", nan
    if len(rate):
        raw, standardised, title = times_rate(raw, rate), times_rate(standardised, rate), "α·λmax"
        bound = _bound(record, optimizer)
    traces = (line(raw, "cause", "inputs as they are"), line(standardised, "cure", "inputs standardised"))
    shapes, named = level(bound, "stability bound")
    keys = (Key("inputs as they are", "cause"), Key("inputs standardised", "cure"), *named)
    return Panel(title, traces, keys, shapes=shapes, y=value_axis([*raw.values, *standardised.values]))


def _bound(record: Record, optimizer: str) -> float:
    """Return the rule's bound on α·λmax; NaN where it is one of another curvature, or none is known."""
    is_another = is_of(record, optimizer, PRECONDITIONED)
    bound = None if is_another else stability_bound(record.fact(facts.Optimizer, optimizer))
    return nan if bound is None else bound.value


def _feature_panel(features: list[Feature]) -> Panel:
    shown = thin_features(features)
    ends = [end for _, mean, std in shown for end in (mean - std, mean + std)]
    scale = _linear_below(ends)
    bars: Trace = {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "line": {"color": "cause", "width": 2},
    }
    bars |= {"x": [], "y": []}
    for index, mean, std in shown:
        bars["x"] += [index, index, None]
        bars["y"] += [_squeeze(mean - std, scale), _squeeze(mean + std, scale), None]
    keys = (Key("mean ± σ", "cause"), Key("standardised, 0 ± 1", "cure", "band"))
    return Panel(
        "Input features",
        (bars, _means(shown, scale)),
        keys,
        x_title="input feature",
        shapes=_unit(scale),
        x={"dtick": 1} if len(shown) <= 16 else {},
        y={"zeroline": False, **_ticks(ends, scale)},
        height=280,
    )


def _means(shown: list[Feature], scale: float) -> Trace:
    hover = [f"feature {index}: {number(mean)} ± {number(std)}" for index, mean, std in shown]
    points = {"x": [index for index, _, _ in shown], "y": [_squeeze(mean, scale) for _, mean, _ in shown]}
    marker = {"size": 6 if len(shown) <= FEW_FEATURES else 3, "color": "cause"}
    return {
        "type": "scatter",
        "mode": "markers",
        **points,
        "marker": marker,
        "hovertext": hover,
        "hoverinfo": "text",
    }


def _unit(scale: float) -> tuple[Trace, ...]:
    """Return the band from −1 to 1, where standardised features lie, with its middle."""
    across = {"x0": 0, "x1": 1, "xref": "paper", "yref": "y", "layer": "below"}
    ends = {"y0": _squeeze(-1, scale), "y1": _squeeze(1, scale)}
    band = {"type": "rect", **across, **ends, "fillcolor": "cure", "opacity": 0.22, "line": {"width": 0}}
    return band, {"type": "line", **across, "y0": 0, "y1": 0, "line": {"color": "cure", "width": 1}}


def _linear_below(ends: list[float]) -> float:
    """Return the size up to which the axis is linear; 0 when all of it is, because the range is narrow."""
    largest = max((abs(end) for end in ends), default=1.0)
    return 1.0 if largest > 10**LOG_DECADES else 0.0


def _squeeze(value: float, scale: float) -> float:
    return asinh(value / scale) if scale else value


def _ticks(ends: list[float], scale: float) -> dict[str, Any]:
    """Return axis settings that label a squeezed axis with the values themselves."""
    if not scale:
        return {}
    decades = floor(log10(max(abs(end) for end in ends)))
    sizes = [10.0**decade for decade in range(0, decades + 1, max(1, ceil(decades / MOST_TICKS)))]
    low, high = min(ends), max(ends)
    values = [-size for size in reversed(sizes) if -size >= low] + [0.0] + [size for size in sizes if size <= high]
    return {
        "tickvals": [_squeeze(value, scale) for value in values],
        "ticktext": [number(value) for value in values],
    }
