"""How many steps and seconds a choice needs to reach the final metric of the current setting: the time to target.

Source: Dahl et al. 2023, arXiv:2306.07179, §4. A run that does not reach the target is censored: it would have
needed more steps than it took, and nothing else is known. It counts as infinitely long, and no number replaces it.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import comb, inf, isfinite, isnan, nan

from descend.core.bound import Bound, Count
from descend.doctor.compare.result import StepsToTarget
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ComparedRun
from descend.doctor.record import Series
from descend.doctor.script.run_names import Role
from descend.doctor.script.script import Script
from descend.doctor.trials.evaluation_metric import LAST
from descend.doctor.trials.speed import step_seconds
from descend.doctor.trials.study import Job, Study

RunPair = tuple[ComparedRun, ComparedRun]  # runs of the current setting and of a choice with the same seed

MEDIAN_LEVEL = Bound(
    0.9375,
    "confidence level of the interval of a median",
    "the smallest and the largest of five values, the default number of seeds, have this level: 1 − 2 · 0.5⁵",
)
TIMED_STEPS = Count(
    200, "steps", "chosen: few compared with the other runs, and 160 durations remain after the warm-up"
)


def steps_to_target(pairs: Sequence[RunPair], metric: ComparedMetric) -> StepsToTarget:
    """Return how soon a choice reaches the final metric of the current setting with the same seed.

    The current setting, too, reaches the target at the first step at which its metric has its final value. A seed with
    which the current setting diverges has no target and is left out. A seed whose metric is known at one step only is
    left out, too, because its steps to the target are unknown.
    """
    ratios = [_target_ratio(current, chosen, metric) for current, chosen in pairs]
    ratios = [ratio for ratio in ratios if not isnan(ratio)]
    reached = tuple(ratio for ratio in ratios if isfinite(ratio))
    return StepsToTarget(reached, len(ratios) - len(reached), median_interval(ratios))


def median_interval(values: Sequence[float], level: float = MEDIAN_LEVEL) -> tuple[float, float]:
    """Return the confidence interval of the median by inversion of the sign test; (NaN, NaN) for too few values.

    Both ends are among the values, so the infinite values of censored runs need not be replaced.
    """
    ascending, number = sorted(values), len(values)
    left_out = -1  # number of values that can be left out on each side
    error = 0.0
    while (error := error + 2 * comb(number, left_out + 1) / 2**number) <= 1 - level:
        left_out += 1
    return (ascending[left_out], ascending[number - 1 - left_out]) if left_out >= 0 else (nan, nan)


def first_step(curve: Series, value: float, *, rises: bool) -> float:
    """Return the first step at which a curve is at least as good as a value; infinity if it never is.

    rises: whether larger values are better.
    """
    known = ((step, found) for step, found in curve if isfinite(found))
    return next((float(max(1, step)) for step, found in known if (found >= value if rises else found <= value)), inf)


def logging_steps(runs: Sequence[ComparedRun]) -> int:
    """Return the largest number of steps between two logged values of the metric; 0 without two values.

    It is the resolution of the steps to a target.
    """
    steps = [run.curve.steps for run in runs]
    return max((after - before for each in steps for before, after in zip(each, each[1:])), default=0)


def progress_curve(run: ComparedRun, metric: ComparedMetric) -> Series:
    """Return the metric over the steps. Losses of single training batches are averaged as in the final value."""
    curve = run.curve
    if metric.judged_on != "training":
        return curve
    window = max(1, int(LAST * len(curve)))
    sums = [0.0]
    for value in curve.values:
        sums.append(sums[-1] + value)
    averaged = [(sums[end] - sums[end - window]) / window for end in range(window, len(curve) + 1)]
    return Series(curve.steps[window - 1 :], tuple(averaged))


def sequential_step_seconds(study: Study, scripts: Sequence[Script]) -> list[float]:
    """Return the seconds per step of each script, from short runs without measurements, one run at a time.

    The value is NaN for a script whose steps could not be timed.
    """
    alone = study.sequential()
    timed = replace(alone, plan=replace(alone.plan, asked={"what": "step_seconds"}))
    steps = min(TIMED_STEPS, max(1, study.baseline.steps))
    records = timed.run([Job(script, study.baseline.seed, steps, role=Role.BARE) for script in scripts])
    return [step_seconds(record, max(1, study.plan.processes)) for record in records]


def _target_ratio(current: ComparedRun, chosen: ComparedRun, metric: ComparedMetric) -> float:
    """Return the steps of a choice to the final metric of the current setting, divided by those of the latter.

    The ratio is infinite if the choice never reaches it, and NaN if the current setting has no curve or final metric.
    """
    curve = progress_curve(current, metric)
    if len(curve) < 2:
        return nan
    target = curve.last if metric.judged_on == "training" else current.value
    if not (isfinite(target) and isfinite(current.cost)):
        return nan
    rises = metric.logged is not None and metric.logged.rises
    steps = first_step(curve, target, rises=rises)
    return first_step(progress_curve(chosen, metric), target, rises=rises) / steps if isfinite(steps) else nan
