"""Values that Optuna's model of the earlier results proposes: the multivariate tree-structured Parzen estimator.

Reference: Bergstra et al. 2011; Falkner et al. 2018 for several settings at once.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from descend.core.bound import Count
from descend.doctor.compare.choice import Dimension, Values
from descend.doctor.compare.next_values import are_same, best_run, grid_dimension, is_inside, rounded
from descend.doctor.compare.result import TriedValues

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTUP = Count(4, "runs before the model is used", "chosen: fewer runs do not show which part of a range is better")
ATTEMPTS = Count(5, "proposals", "chosen: a model that proposes known values this often has no better ones")


def import_optuna() -> Any:
    """Import Optuna, which takes a third of a second, and return it. Its log messages and warnings are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def propose(
    dimensions: Sequence[Dimension], tried: Sequence[TriedValues], running: Sequence[Values], seed: int
) -> Values | None:
    """Return the values that are probably better than the tried ones; None if the model proposes only known values.

    running: values whose results are not known yet. They count as bad, so that others are proposed.
    """
    optuna = import_optuna()
    ranges = _narrowed_dimensions(dimensions, tried)
    distributions = {dimension.name: distribution(dimension, []) for dimension in ranges}
    known = [*(run.values for run in tried), *running]
    for attempt in range(ATTEMPTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = optuna.samplers.TPESampler(
                multivariate=True, constant_liar=True, n_startup_trials=int(STARTUP), seed=seed + attempt
            )
        model = optuna.create_study(sampler=sampler)
        for run in (run for run in tried if _contains(ranges, run.values)):
            trial = optuna.create_trial(value=run.cost, params=dict(run.values), distributions=distributions)
            model.add_trial(trial)
        for values in (values for values in running if _contains(ranges, values)):
            is_running = optuna.trial.TrialState.RUNNING
            trial = optuna.create_trial(state=is_running, params=dict(values), distributions=distributions)
            model.add_trial(trial)
        sampled = model.ask(distributions).params
        found = {dimension.name: rounded(dimension, sampled[dimension.name]) for dimension in ranges}
        if not any(are_same(found, values) for values in known):
            return found
    return None


def _narrowed_dimensions(dimensions: Sequence[Dimension], tried: Sequence[TriedValues]) -> list[Dimension]:
    """Return the dimensions, with that of the grid limited to the neighbours of its best tried value.

    The cost is assumed to have a single minimum over the learning rate, which is between these neighbours. A model of
    few runs would not find this limit by itself.
    """
    grid = grid_dimension(dimensions)
    best = best_run([run for run in tried if is_inside(run.values, dimensions)])
    if best is None or grid is None:
        return [*dimensions]
    now, values = best.values[grid.name], [run.values[grid.name] for run in tried]
    low = max((value for value in values if value < now), default=now)
    high = min((value for value in values if value > now), default=now)
    limits = (low, high) if grid.is_open else (max(low, grid.low), min(high, grid.high))
    return [replace(d, low=limits[0], high=limits[1]) if d is grid else d for d in dimensions]


def _contains(dimensions: Sequence[Dimension], values: Values) -> bool:
    """Return whether a point is inside the limits of all dimensions."""
    return all(dimension.low <= values[dimension.name] <= dimension.high for dimension in dimensions)


def distribution(dimension: Dimension, known: Sequence[Values]) -> "BaseDistribution":
    """Return the range of a dimension as Optuna's object. It includes the known values outside the limits."""
    distributions = import_optuna().distributions
    values = [dimension.low, dimension.high, *(point[dimension.name] for point in known)]
    kind = distributions.IntDistribution if dimension.is_integer else distributions.FloatDistribution
    return kind(min(values), max(values), log=dimension.is_log)
