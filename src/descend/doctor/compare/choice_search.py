"""The search for the best values of one choice: a few usual values, a coarse grid, then a model of the results.

The points and their results are stored in an Optuna study, so an interrupted search goes on with the same points.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from descend.core.bound import Count
from descend.doctor.compare.choice import Choice, Values
from descend.doctor.compare.model import distribution, import_optuna, propose
from descend.doctor.compare.next_values import are_same, best_run, missing_neighbour, next_values, settings_at_edge
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.record.decoding import as_type
from descend.doctor.redaction import mask_secrets_in
from descend.doctor.remedies import NotApplicable
from descend.doctor.script.script import Script

if TYPE_CHECKING:
    import optuna

MOST_FAILURES = Count(
    5,
    "runs",
    "chosen: the usual values and the next four decades; a choice that works with none of them is not tried further",
)
ROUND = "round"  # name of the attribute of a trial with the number of its round


@dataclass(frozen=True)
class Point:
    """Values of the searched settings that have to be tried."""

    number: int  # number of the trial in the Optuna study
    round: int  # number of the round. The runs of a round do not influence each other.
    values: Values


@dataclass(frozen=True)
class EndedRun:
    """The result of a run of the search."""

    point: Point
    result: TriedValues
    early_cost: float = inf  # cost at the early step, by which later runs may be stopped


class ChoiceSearch:
    """The search for the best values of one choice.

    trials: the Optuna study that holds its points. Raises one of `DECODING_ERRORS` if it is damaged.
    """

    def __init__(self, choice: Choice, trials: "optuna.Study", seed: int) -> None:
        self.choice = choice
        self.is_exhausted = False  # whether no new values are left
        self._trials, self._seed = trials, seed
        points, stored = [self._point(trial) for trial in trials.get_trials(deepcopy=False)], trials.user_attrs
        self.ended = [_ended_run(point, stored[key]) for point in points if (key := _result_key(point)) in stored]
        ended = {run.point.number for run in self.ended}
        # points whose runs have not ended; at first those of an interrupted command
        self.running = [point for point in points if point.number not in ended]

    @property
    def tried(self) -> list[TriedValues]:
        """The results of all runs that have ended, in the order in which they were planned."""
        return [run.result for run in sorted(self.ended, key=lambda run: run.point.number)]

    @property
    def horizon(self) -> int:
        """The number of steps of the first run with a finite cost; 0 if there is no such run."""
        return next((run.steps for run in self.tried if isfinite(run.cost)), 0)

    @property
    def last_round(self) -> int:
        """The number of the last round with a point of this choice; 0 without any point."""
        return max((point.round for point in [*self.running, *(run.point for run in self.ended)]), default=0)

    @property
    def is_over(self) -> bool:
        """Whether no further values have to be tried, whatever the budget."""
        tried = self.tried
        has_failed = len(tried) + len(self.running) >= MOST_FAILURES and best_run(tried) is None
        is_single = not self.choice.dimensions and bool(self.ended or self.running)
        return self.is_exhausted or has_failed or is_single

    def ask(self, round_number: int) -> Point | None:
        """Plan a run with new values, and return it; None if no new values are left."""
        tried, running = self.tried, [point.values for point in self.running]
        seed = zlib.crc32(f"{self._seed} {self.choice.label} {len(tried) + len(running)}".encode())
        values = next_values(self.choice.dimensions, self.choice.starts, tried, running)
        if values is None:
            values = propose(self.choice.dimensions, tried, running, seed)
        if values is None:
            self.is_exhausted = True
            return None
        return self.add(values, round_number)

    def add(self, values: Values, round_number: int) -> Point:
        """Plan a run with given values."""
        optuna = import_optuna()
        distributions = {d.name: distribution(d, [values]) for d in self.choice.dimensions}
        self._trials.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params=dict(values),
                distributions=distributions,
                user_attrs={ROUND: round_number},
            )
        )
        point = self._point(self._trials.get_trials(deepcopy=False)[-1])
        self.running.append(point)
        return point

    def tell(self, run: EndedRun) -> None:
        """Store the result of a run."""
        stored = {"result": dict(vars(run.result)), "early_cost": run.early_cost}
        self._trials.set_user_attr(_result_key(run.point), mask_secrets_in(stored))
        self._trials.tell(run.point.number, run.result.cost)
        self.running.remove(run.point)
        self.ended.append(run)

    def has_tried(self, values: Values) -> bool:
        """Return whether a run with these values has ended or is planned."""
        return any(are_same(values, other) for other in self._known)

    def missing_neighbour(self) -> Values | None:
        """Return a neighbour of the best point that has to be tried before the choice is well tuned; or None."""
        best = best_run(self.tried)
        return None if best is None else missing_neighbour(self.choice, best.values, self._known)

    @property
    def _known(self) -> list[Values]:
        """The values of all runs that have ended or are planned."""
        return [*(run.values for run in self.tried), *(point.values for point in self.running)]

    def tuned(self, script: Script) -> TunedChoice:
        """Return the results so far. script: the unchanged script."""
        tried = tuple(self.tried)
        best = best_run(tried)
        if best is None:
            return TunedChoice(self.choice, tried, reason=_failure_message(tried))
        try:
            edited = self.choice.edit(script, best.values)
        except NotApplicable as error:
            return TunedChoice(self.choice, tried, reason=error.reason)
        return TunedChoice(self.choice, tried, best, edited, at_edge=settings_at_edge(self.choice, tried))

    def _point(self, trial: Any) -> Point:
        """Return the point of a stored trial. Raises one of `DECODING_ERRORS` if it has other settings."""
        if trial.params.keys() != {dimension.name for dimension in self.choice.dimensions}:
            raise ValueError(f"trial {trial.number} has the settings {sorted(trial.params)}")
        return Point(trial.number, as_type(int, trial.user_attrs[ROUND], ROUND), dict(trial.params))


def _result_key(point: Point) -> str:
    """Return the name under which the result of a point is stored."""
    return f"result {point.number}"


def _ended_run(point: Point, stored: Any) -> EndedRun:
    """Return the run of a point from its stored result. Raises one of `DECODING_ERRORS` if it is damaged."""
    result = as_type(TriedValues, stored["result"], "result")
    return EndedRun(point, replace(result, values=point.values), as_type(float, stored["early_cost"], "cost"))


def _failure_message(tried: Sequence[TriedValues]) -> str:
    """Return why no run of a choice has a finite cost; "" if there is no run."""
    reasons = list(dict.fromkeys(run.reason for run in tried if run.reason))
    return reasons[0] if reasons else ""
