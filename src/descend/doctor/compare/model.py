"""Values that Optuna's model of the earlier results proposes: the multivariate tree-structured Parzen estimator.

Reference: Bergstra et al. 2011; Falkner et al. 2018 for several settings at once.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from descend.core.bound import Count
from descend.doctor.compare.choice import Dimension, Values
from descend.doctor.compare.next_values import are_same, rounded
from descend.doctor.compare.result import TriedValues

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTUP = Count(4, "runs before the model is used", "chosen: fewer runs do not show which part of a range is better")
ATTEMPTS = Count(5, "proposals", "chosen: a model that proposes known values this often has no better ones")


def quiet_optuna() -> Any:
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
    optuna = quiet_optuna()
    states = optuna.trial.TrialState
    known = [*(run.values for run in tried), *running]
    distributions = {dimension.name: distribution(dimension, known) for dimension in dimensions}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for attempt in range(ATTEMPTS):
            sampler = optuna.samplers.TPESampler(
                multivariate=True, constant_liar=True, n_startup_trials=int(STARTUP), seed=seed + attempt
            )
            model = optuna.create_study(sampler=sampler)
            for run in tried:
                model.add_trial(
                    optuna.create_trial(value=run.cost, params=dict(run.values), distributions=distributions)
                )
            for values in running:
                trial = optuna.create_trial(state=states.RUNNING, params=dict(values), distributions=distributions)
                model.add_trial(trial)
            sampled = model.ask(distributions).params
            found = {dimension.name: rounded(dimension, sampled[dimension.name]) for dimension in dimensions}
            if not any(are_same(found, values) for values in known):
                return found
    return None


def distribution(dimension: Dimension, known: Sequence[Values]) -> "BaseDistribution":
    """Return the range of a dimension as Optuna's object. It includes the known values outside the limits."""
    distributions = quiet_optuna().distributions
    values = [dimension.low, dimension.high, *(point[dimension.name] for point in known)]
    kind = distributions.IntDistribution if dimension.is_integer else distributions.FloatDistribution
    return kind(min(values), max(values), log=dimension.is_log)
