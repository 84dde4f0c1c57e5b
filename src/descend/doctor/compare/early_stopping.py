"""Stop a run of the search early if it is clearly worse than earlier runs: successive halving at the script's horizon.

A run trains with the schedule of the whole script, but it is stopped at a rung, a share of the horizon, if it is worse
there than the best third of the earlier runs of its choice (Jamieson & Talwalkar 2016, §3; Li et al. 2020, §3.2).
Rankings flip before the end: a small learning rate, or one that is not decayed yet, is often better in the middle of a
run only. So the earlier runs are read at a third of the steps: a run is stopped if it needs more than three times as
many steps as the best third for the same cost. Such a comparison does not depend on the scale of the cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf

from descend.core.bound import Count
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Reading, Record

REDUCTION = Count(
    3, "times", "Li et al. 2018, §2.6: a reduction factor of 3 or 4; with 3, rungs are a third of each other"
)
RUNGS = Count(
    2,
    "rungs below the horizon",
    "chosen: tests/compare/test_early_stopping.py measures how often the best run is lost",
)


def rungs(horizon: int) -> list[int]:
    """Return the steps at which runs of `horizon` steps may be stopped, in ascending order."""
    steps = [horizon // REDUCTION**power for power in range(RUNGS, 0, -1)]
    return [step for step in steps if step >= REDUCTION]


def checkpoints(horizon: int) -> list[int]:
    """Return the steps at which the cost of a run has to be known for decisions about later runs."""
    return sorted({step for rung in rungs(horizon) for step in (rung, rung // REDUCTION)})


def stop_limits(earlier: Sequence[Mapping[int, float]], horizon: int) -> dict[int, float]:
    """Return the largest cost with which a run goes on, for each rung.

    earlier: for each earlier run of the same choice, the cost at its checkpoints. A missing cost counts as infinite.
    """
    if not earlier:
        return {}
    best = ceil(len(earlier) / REDUCTION) - 1
    return {rung: sorted(run.get(rung // REDUCTION, inf) for run in earlier)[best] for rung in rungs(horizon)}


@dataclass
class EarlyStopping:
    """Decides from the readings of a run, as they arrive, whether to stop it. It is called with each reading.

    The decision depends on the values up to the rung only, so it does not depend on the time at which they arrive.
    """

    metric: ComparedMetric
    baseline: Record  # the observed run of the unchanged script, which shows how the metric is read
    limits: Mapping[int, float]  # step -> largest cost with which the run goes on
    stopped_at: int | None = None  # step at which the run was stopped
    _passed: set[int] = field(default_factory=set)

    def __call__(self, reading: Reading, record: Record) -> bool:
        """Return whether the run has to be stopped at this reading."""
        if reading.name != self.metric.series_name or self.stopped_at is not None:
            return self.stopped_at is not None
        for rung in sorted(rung for rung in self.limits.keys() - self._passed if rung <= reading.step):
            self._passed.add(rung)
            if self.metric.cost_until(record, self.baseline, rung) > self.limits[rung]:
                self.stopped_at = reading.step
                return True
        return False
