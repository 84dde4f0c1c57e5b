"""Stop a run of the search early if it is clearly worse than earlier ones: successive halving.

Each run is planned to the script's end. After a third of its steps, it continues if it is among the best third of the
runs of its choice so far (Li et al. 2020, with reduction factor 3).
The ranking may change later: a learning rate that is large, or not decayed yet, looks worse in the middle of a run.
So the cost is compared with the costs that the earlier runs had after a third of these steps. A run that is stopped
needs more than three times as many steps as others for the same cost. This does not depend on the scale of the cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from descend.core.bound import Count
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Reading, Record

REDUCTION = Count(
    3,
    "times",
    "chosen between the usual factors 2 and 4 (Li et al. 2020). In 200 searches of noisy quadratics it saved 7 % of "
    "the steps and stopped the best run four times; comparing at equal steps saved 15 % and did so 23 times",
)


def stopping_step(horizon: int) -> int:
    """Return the step at which a run of `horizon` steps may be stopped."""
    return horizon // REDUCTION


def early_step(horizon: int) -> int:
    """Return the step at which the cost of a run is compared with that of later runs at their stopping step."""
    return horizon // REDUCTION**2


def stopping_limit(early_costs: Sequence[float]) -> float:
    """Return the largest cost with which a run continues, from the costs of the earlier runs at their early step."""
    return sorted(early_costs)[ceil(len(early_costs) / REDUCTION) - 1] if early_costs else inf


@dataclass
class EarlyStopping:
    """Decides from the readings of a run, as they arrive, whether to stop it. It is called with each reading.

    The decision depends on the values up to a step only, so it does not depend on the time at which they arrive.
    """

    metric: ComparedMetric
    baseline: Record  # the observed run of the unchanged script, which shows how the metric is read
    step: int  # step after which the run may be stopped
    limit: float  # largest cost with which the run continues
    stopped_at: int | None = None  # step at which the run was stopped
    _is_checked: bool = False

    def __call__(self, reading: Reading, record: Record) -> bool:
        """Return whether the run has to be stopped at this reading."""
        if reading.name == self.metric.series_name and reading.step >= self.step and not self._is_checked:
            self._is_checked = True
            if self.metric.cost_until(record, self.baseline, self.step) > self.limit:
                self.stopped_at = reading.step
        return self.stopped_at is not None
