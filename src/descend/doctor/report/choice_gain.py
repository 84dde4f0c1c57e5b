"""The gain of a choice over the current setting as text: in the metric's own units, and in steps."""

from math import isfinite, isnan

from descend.doctor.assess.constant_predictor import predicts_constant
from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.compare.result import CompareResult, RankedChoice, StepsToTarget
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ChangeResult, ComparedRun, mean_value
from descend.doctor.report.change_verdict import decrease_text, interval_message
from descend.doctor.report.formatting import count, interval, number, one_line

SIGNIFICANT_DIGITS = 3


def gain_message(choice: RankedChoice, result: CompareResult) -> str:
    """Return the metric without and with a choice, and the interval of the difference.

    For example: `'test accuracy' rises from 0.906 to 0.96, by 0.037 to 0.056 (95 % interval, 5 seeds)`.
    """
    change = choice.result
    if change is None or result.metric is None or not change.after:
        return "it was not run on fresh seeds"
    name, before, after = metric_name(result), mean_value(change.before), mean_value(change.after)
    if not (isfinite(before) and isfinite(after)):
        texts = (value_mean_text(runs) for runs in (change.before, change.after))
        return f"{name} {' → '.join(texts)} ({count(len(change.seeds), 'seed')})"
    is_clear = change.verdict in (ChangeVerdict.HELPS, ChangeVerdict.HARMS)
    verb = "goes" if not is_clear else "rises" if after > before else "falls"
    difference = _difference_text(change, result, is_clear=is_clear)
    kind = f"({interval_message(change)})" if difference else f"({count(len(change.seeds), 'seed')})"
    means = f"{name} {verb} from {value_mean_text(change.before)} to {value_mean_text(change.after)}"
    return f"{means}{difference} {kind}"


def metric_name(result: CompareResult) -> str:
    """Return the name of the metric, in quotes if the script logs it."""
    name = one_line(result.metric.name) if result.metric else ""
    return repr(name) if result.metric and result.metric.logged else name


def value_mean_text(runs: tuple[ComparedRun, ...]) -> str:
    """Return the mean final metric of some runs with three significant digits; `not finite` if a run diverged."""
    value = mean_value(runs)
    return number(float(f"{value:.{SIGNIFICANT_DIGITS}g}")) if isfinite(value) else "not finite"


def metric_difference(change: ChangeResult, metric: LoggedMetric) -> tuple[float, float]:
    """Return the interval of the difference of a metric, in its own units.

    The interval of the ratio of the costs is applied to the mean of the current setting. So the difference excludes 0
    if and only if the ratio excludes 1.
    """
    before = mean_value(change.before)
    cost = metric.cost(before)
    low, high = sorted(
        _value_from_cost(cost * (1 + end), metric) - _value_from_cost(cost, metric) for end in change.difference
    )
    return low, high


def _value_from_cost(cost: float, metric: LoggedMetric) -> float:
    """Return the value of a metric, given its cost."""
    if metric.kind == "gain":
        return metric.untrained + (1 if metric.rises else -1) / cost if cost else float("nan")
    return metric.whole - cost if metric.kind == "share" else cost


def _difference_text(change: ChangeResult, result: CompareResult, *, is_clear: bool) -> str:
    """Return the interval of the difference, such as `, by 0.037 to 0.056`; "" if it is unknown.

    A loss has no natural unit, so its difference is relative.
    """
    metric = result.metric.logged if result.metric else None
    if metric is None or metric.kind == "error":
        text = decrease_text(change.difference)
        amount = text.removeprefix("down ").removeprefix("up ")
        return (f", by {amount}" if is_clear else f", {text}") if text else ""
    low, high = metric_difference(change, metric)
    if not (isfinite(low) and isfinite(high)):
        return ""
    if is_clear:
        return f", by {interval(*sorted(map(abs, (low, high))))}"
    return f", a difference of {interval(low, high)}"


def target_message(target: StepsToTarget | None) -> str:
    """Return how soon a choice reaches the current setting's final value, as a sentence; "" if that is unknown."""
    text = target_text(target) if target is not None else ""
    if target is None or not text:
        return ""
    if not target.ratios:
        return "it never reaches the current setting's final value"
    seeds = count(len(target.ratios) + target.missed, "seed")
    missed = f", and never with {target.missed} of {seeds}" if target.missed else ""
    return f"it reaches the current setting's final value in {text} times the steps{missed}"


def target_text(target: StepsToTarget) -> str:
    """Return the steps to the current setting's final value as a multiple of its steps, such as `0.3 to 0.5`."""
    if not target.ratios:
        return "never" if target.missed else ""
    low, high = target.interval
    if isnan(low):
        middle = target.median_ratio
        return f"about {number(middle)}" if isfinite(middle) else f"at least {number(min(target.ratios))}"
    if not isfinite(high):
        return f"at least {number(low)}"
    return " to ".join(dict.fromkeys(interval(low, high).split(" to ")))


def failure_to_learn_message(result: CompareResult) -> str:
    """Return that the current setting does not learn; "" if it does."""
    if not predicts_constant(result.baseline):
        return ""
    return "the current setting does not learn: its loss is near that of a constant prediction"
