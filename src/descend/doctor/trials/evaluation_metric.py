"""The evaluation metric: the number that decides a trial, and its curve over the steps."""

from math import isfinite
from statistics import fmean

from descend.core.bound import Bound, Count
from descend.doctor.assess.logged_metric import gain_to_cost, main_metric
from descend.doctor.assess.objective import maximises_on_purpose, negate
from descend.doctor.assess.opponents import has_exploded, has_opponents
from descend.doctor.record import Record, Series, facts
from descend.doctor.remedies import JudgedOn

EVALUATIONS = Count(
    3,
    "last evaluations that are averaged, or a third of all evaluations if that is fewer",
    "chosen: the result of a single evaluation would be too noisy",
)
LAST = Bound(
    0.1,
    "share of the training losses, taken from the end of the run, that is averaged",
    "chosen: a single training loss would be too noisy",
)
METRIC_SERIES: dict[JudgedOn, str] = {  # kind of metric that decides a trial -> name of its recorded values
    "fixed": "metric",
    "spread": "spread_metric",
    "held_out": "evaluation_loss",
    "training": "loss",
    "median": "median_error",
    "metric": "logged_metric",
    "nothing": "",
    "time": "step_seconds",
}


def metric_name(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> str:
    """Return the name of the evaluation metric of a run; "" if its record contains no such metric."""
    return cost_curve(record, judged_on, baseline)[0]


def final_cost(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> float:
    """Return the value of the evaluation metric at the end of a run; NaN if it is missing or not finite."""
    name, curve = cost_curve(record, judged_on, baseline)
    if not name or not record.can_be_compared or (has_opponents(record) and has_exploded(record)):
        return float("nan")
    if judged_on != "metric" and any(not isfinite(v) for v in record.series("loss", "0").values[-1:]):
        return float("nan")
    return last_cost(curve, judged_on)


def last_cost(curve: Series, judged_on: JudgedOn) -> float:
    """Return the last value of an evaluation metric, or the mean of the last ones if single values are too noisy.

    The cost is NaN if there is no value, or if it should be finite and is not.
    """
    if judged_on in ("fixed", "spread", "median"):
        return curve.last
    if not isfinite(curve.last):
        return float("nan")
    if judged_on == "metric":
        return curve.last
    averaged = min(EVALUATIONS, len(curve) // 3) if judged_on == "held_out" else int(LAST * len(curve))
    return fmean(v for v in curve.values[-max(1, averaged) :] if isfinite(v))


def cost_curve(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> tuple[str, Series]:
    """Return the name of the evaluation metric of a run, and the values of this metric over the steps.

    baseline: the run that shows which data are held out and how the metric is read; the run itself by default.
    """
    name = METRIC_SERIES[judged_on]
    places = record.places(name)
    if judged_on == "metric":
        metric = main_metric(baseline or record)
        return ("", Series()) if metric is None else (metric.cost_formula, metric.cost_series(record))
    if not places:
        return "", Series()
    if judged_on == "held_out":
        return name, record.held_out(baseline)
    metric_name = name if judged_on == "training" else places[0]
    curve = record.series(name, places[0])
    if is_training_loss(judged_on, metric_name) and maximises_on_purpose(baseline or record):
        curve = negate(curve)
    if is_training_loss(judged_on, metric_name) and (baseline or record).fact(facts.Floorless) is not None:
        costs = (gain_to_cost(curve.first - v, curve.first) if isfinite(v) else v for v in curve.values)
        return f"reciprocal of the decrease of the {metric_name}", Series(curve.steps, tuple(costs))
    return metric_name, curve


def is_training_loss(judged_on: JudgedOn, name: str) -> bool:
    """Return whether the evaluation metric is the script's own loss, which may have no lower bound."""
    return judged_on == "training" or name == METRIC_SERIES["training"]
