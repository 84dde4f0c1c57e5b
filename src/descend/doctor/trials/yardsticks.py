"""What a run is judged by: the curve that it comes from, and its value at the end."""

from math import isfinite
from statistics import fmean

from descend.doctor.course.objective import climbs_gain, turned
from descend.doctor.course.opponents import has_exploded, has_opponents
from descend.doctor.course.own_metric import inverse_gain, own_metric
from descend.doctor.record import Record, Series, facts
from descend.doctor.remedies import JudgedOn
from descend.ground.bound import Bound, Count

EVALUATIONS = Count(3, "last evaluations, of three times as many, that are averaged", "chosen: one alone is noisy")
LAST = Bound(0.1, "of the training losses, the last ones, that are averaged", "chosen: one alone is noisy")
YARDSTICKS: dict[JudgedOn, str] = {
    "fixed": "yardstick",
    "spread": "spread_yardstick",
    "held_out": "evaluation_loss",
    "training": "loss",
    "median": "median_error",
    "metric": "own_number",
    "nothing": "",
    "time": "step_seconds",
}


def yardstick(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> tuple[str, float]:
    """Return what the trial run is judged by and its value at the end: NaN where it was not reached or not finite."""
    what, curve = judged_curve(record, judged_on, baseline)
    if not what or not record.can_be_judged or (has_opponents(record) and has_exploded(record)):
        return what, float("nan")
    if judged_on == "metric":
        return what, curve.last if isfinite(curve.last) else float("nan")
    if any(not isfinite(v) for v in record.series("loss", "0").values[-1:]):
        return what, float("nan")
    if judged_on in ("fixed", "spread", "median"):
        return what, curve.last
    if not isfinite(curve.last):
        return what, float("nan")
    averaged = min(EVALUATIONS, len(curve) // 3) if judged_on == "held_out" else int(LAST * len(curve))
    return what, fmean(v for v in curve.values[-max(1, averaged) :] if isfinite(v))


def judged_curve(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> tuple[str, Series]:
    """Return what a run is judged by, and how it went over the steps.

    The baseline tells where data are held out.
    """
    name = YARDSTICKS[judged_on]
    places = record.places(name)
    if judged_on == "metric":
        metric = own_metric(baseline or record)
        return ("", Series()) if metric is None else (metric.in_words, metric.curve(record))
    if not places:
        return "", Series()
    if judged_on == "held_out":
        return name, record.held_out(baseline)
    what = name if judged_on == "training" else places[0]
    curve = record.series(name, places[0])
    if is_own_loss(judged_on, what) and climbs_gain(baseline or record):
        curve = turned(curve)
    if is_own_loss(judged_on, what) and (baseline or record).fact(facts.Floorless) is not None:
        costs = (inverse_gain(curve.first - v, curve.first) if isfinite(v) else v for v in curve.values)
        return f"1 / descent of the {what}", Series(curve.steps, tuple(costs))
    return what, curve


def is_own_loss(judged_on: JudgedOn, what: str) -> bool:
    """Whether what a run is judged by is the script's own loss, of which nobody knows how low it may come."""
    return judged_on == "training" or what == YARDSTICKS["training"]
