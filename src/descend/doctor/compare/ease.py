"""How easily a choice is tuned: the range of learning rates with a low cost, and how soon the search finds a good one.

Source: Sivaprasad et al. 2020, arXiv:1910.11758.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from math import exp, inf, isfinite, log, log10

from descend.doctor.compare.choice import Dimension
from descend.doctor.compare.result import TriedValues, TunedChoice, WorkingRange
from descend.doctor.trials.statistics import MARGIN, VANISHING

LEARNING_RATE = re.compile(r"(^|[._])(lr|learning_?rate)\d*($|[._])", re.IGNORECASE)  # in the name of a setting

Point = tuple[float, float]  # logarithms of a learning rate and of its cost


def working_range(tuned: TunedChoice) -> WorkingRange | None:
    """Return the range of learning rates around the best one whose cost exceeds the lowest one by at most a quarter.

    The limits are interpolated between the tried learning rates, with both axes logarithmic. If the run at the next
    learning rate diverged or was stopped early, its final cost is unknown, so the range ends before it. Return None if
    no learning rate was searched or if no run could be compared.
    """
    name = learning_rate_name(tuned.choice.dimensions)
    points = _lowest_costs(tuned.tried, name) if name is not None else []
    best = min(points, key=lambda point: point[1], default=(0.0, inf))
    if not isfinite(best[1]):
        return None
    sides = [[p for p in reversed(points) if p <= best], [p for p in points if p >= best]]
    if len(tuned.choice.dimensions) > 1:
        sides = [_without_dominated(side) for side in sides]
    limit = best[1] + log(1 + MARGIN)
    low, high = (exp(_last_working(side, limit)) for side in sides)
    return WorkingRange(low, high, log10(high / low), regret(tuned.tried))


def regret(tried: Sequence[TriedValues]) -> tuple[float, ...]:
    """Return the relative excess of the lowest cost after 1, 2, … runs of a search over the lowest cost of all runs.

    It is infinite as long as no run could be compared.
    """
    lowest = list(accumulate(map(_log_cost, tried), min))
    return tuple(exp(cost - lowest[-1]) - 1 if isfinite(cost) else inf for cost in lowest)


def learning_rate_name(dimensions: Sequence[Dimension]) -> str | None:
    """Return the name of the searched learning rate; None if no learning rate is searched."""
    return next((dimension.name for dimension in dimensions if LEARNING_RATE.search(dimension.name)), None)


def _log_cost(tried: TriedValues) -> float:
    """Return the logarithm of the cost of a run; infinity if it was stopped early or could not be compared."""
    works = isfinite(tried.cost) and not tried.is_stopped_early
    return log(max(tried.cost, VANISHING)) if works else inf


def _lowest_costs(tried: Sequence[TriedValues], name: str) -> list[Point]:
    """Return each tried learning rate with its lowest cost, both as logarithms."""
    costs: dict[float, float] = {}
    for one in tried:
        if one.values.get(name, 0) > 0:
            log_lr = log(one.values[name])
            costs[log_lr] = min(costs.get(log_lr, inf), _log_cost(one))
    return sorted(costs.items())


def _without_dominated(side: Sequence[Point]) -> list[Point]:
    """Return the points of one side, from the best one outwards, without those that cost more than a point farther out.

    Such a cost is due to other settings than the learning rate.
    """
    return [point for number, point in enumerate(side) if point[1] <= min(cost for _, cost in side[number:])]


def _last_working(side: Sequence[Point], limit: float) -> float:
    """Return the logarithm of the learning rate at which the cost exceeds the limit, the nearest one to the best."""
    last = side[0]
    for point in side[1:]:
        if point[1] > limit:
            return last[0] + (point[0] - last[0]) * (limit - last[1]) / (point[1] - last[1])
        last = point
    return last[0]
