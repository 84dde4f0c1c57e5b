"""How many steps a choice needs to reach values of the metric, relative to the current setting."""

from collections.abc import Sequence
from math import exp, inf, isfinite, log
from statistics import median

from descend.core.bound import Count
from descend.core.scale import needs_log
from descend.doctor.compare.targets import progress_curve
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ComparedRun
from descend.doctor.record import Series

LEVELS = Count(24, "values of the metric", "chosen: a curve drawn through this many points looks smooth")


def relative_steps(
    before: Sequence[ComparedRun], after: Sequence[ComparedRun], metric: ComparedMetric
) -> list[tuple[float, float]]:
    """Return values of the metric and, for each, the median ratio of the steps that a choice needs to reach it.

    before, after: runs of the current setting and of the choice, in pairs with the same seed. A seed that never
    reaches a value has an infinite ratio. So a value is left out if half of the seeds never reach it.
    """
    rises = metric.logged is not None and metric.logged.rises
    points = []
    curves = [[progress_curve(run, metric) for run in runs] for runs in (before, after)]
    for value in _reached_values(curves[0], rises=rises):
        steps = [[_crossing_step(curve, value, rises=rises) for curve in bundle] for bundle in curves]
        ratios = [changed / unchanged for unchanged, changed in zip(*steps) if 0 < unchanged < inf]
        if ratios and isfinite(ratio := median(ratios)):
            points.append((value, ratio))
    return points


def _crossing_step(curve: Series, value: float, *, rises: bool) -> float:
    """Return the step at which a curve first reaches a value; infinity if it never does.

    Between two points, the curve is taken as a straight line, since a script may log rarely.
    """
    before: tuple[int, float] | None = None
    for step, found in curve:
        if found >= value if rises else found <= value:
            if before is None or not isfinite(before[1]):
                return float(step)
            return before[0] + (step - before[0]) * (value - before[1]) / (found - before[1])
        before = step, found
    return inf


def _reached_values(curves: Sequence[Series], *, rises: bool) -> list[float]:
    """Return values of the metric that all curves reach after their first value, from the worst to the best."""
    known = [list(filter(isfinite, curve.values)) for curve in curves]
    if not known or not all(known):
        return []
    worst_of, best_of = (min, max) if rises else (max, min)
    first, last = best_of(values[0] for values in known), worst_of(best_of(values) for values in known)
    if (last <= first) if rises else (last >= first):
        return []
    shares = [index / LEVELS for index in range(1, LEVELS + 1)]
    if needs_log([first, last]):
        return [exp(log(first) + share * (log(last) - log(first))) for share in shares[:-1]] + [last]
    return [first + share * (last - first) for share in shares[:-1]] + [last]
