"""Search for the best values of all choices, with an equal budget of optimizer steps for each.

The search goes in rounds. In each round, every choice with budget left plans one run, or several if a slot would be
idle otherwise. The runs of a round do not influence each other, so the results do not depend on the time that a run
takes. They have one tuning seed. The final comparison uses other seeds, because the lowest cost of
a search is an optimistic estimate.
"""

import threading
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, isfinite, nan

from descend.core.bound import Bound, Count
from descend.doctor.compare.choice import CURRENT, Choice, Values
from descend.doctor.compare.choice_search import ChoiceSearch, EndedRun, Point
from descend.doctor.compare.early_stopping import EarlyStopping, stopping_limit, stopping_step
from descend.doctor.compare.next_values import best_run
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.compare.run_result import RunEvaluator
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Reading, Record
from descend.doctor.remedies import NotApplicable
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script
from descend.doctor.trials.run_times import observed_steps
from descend.doctor.trials.study import NEARLY, Job, Study

TUNING_SEED = 10_000  # difference between the seed of the search and that of the baseline run
LEAST_SHARE = Bound(
    0.1,
    "share of the steps of a whole run",
    "chosen: the start of a run takes time, too, and a choice that diverges at once must not be tried without end",
)
FURTHER_RUNS = Count(
    4,
    "runs of the search for the current optimizer beyond its budget",
    "chosen: one neighbour of the best learning rate on each side, twice",
)

# a point, and the search to which its result is added
SearchedPoint = tuple[ChoiceSearch, Point]


def further_run_count(choices: Sequence[Choice]) -> int:
    """Return the largest number of runs that the search for each choice of the current optimizer makes in addition."""
    has_rivals = not all(choice.keeps_optimizer for choice in choices)
    return FURTHER_RUNS if has_rivals else 0


@dataclass(frozen=True)
class _PlannedRun:
    """A run of a script for one point of a search, or for several points that result in the same script."""

    script: Script
    points: tuple[SearchedPoint, ...]
    stopping: EarlyStopping | None = None


@dataclass
class Search:
    """The search for the best values of several choices.

    Two kinds of runs are made beyond the budget, so that no choice is preferred only because another one was tuned
    worse. The current optimizer is also tried with both neighbours of its best learning rate. A choice that contains
    the best point of another one is also tried at that point (Choi et al. 2019, §3.2).
    """

    study: Study
    metric: ComparedMetric
    choices: Sequence[Choice]
    steps: int  # budget of optimizer steps for each choice
    storage: StoredComparison
    _waiting: list[tuple[_PlannedRun, Record]] = field(default_factory=list)  # runs to compare with `_unchanged`
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._searches = [self.storage.search_of(choice, self.study.plan.seed) for choice in self.choices]
        # run of the unchanged script with the seed of the search
        self._unchanged = self.storage.load_run(CURRENT, self._seed, self.study.context.store)

    def run(self) -> None:
        """Make all runs that have not been made yet. Those that have ended are kept if an exception is raised.

        Raises `OutOfTime` if the next runs would not end before the deadline, and `KeyboardInterrupt`.
        """
        self._run([(search, point) for search in self._searches for point in search.running])
        while points := (
            self._next_round() or self._neighbours_of_current_optimizer() or self._best_points_of_contained_choices()
        ):
            self._run(points)

    @property
    def tuned(self) -> tuple[TunedChoice, ...]:
        """The results so far, in the order of the choices."""
        return tuple(search.tuned(self.study.script) for search in self._searches)

    @property
    def run_numbers(self) -> set[int]:
        """The numbers in the store of all runs so far, with those of earlier commands."""
        tried = {run.run for search in self._searches for run in search.tried}
        return {run for run in tried if run}

    @property
    def _seed(self) -> int:
        """The seed of all runs of the search."""
        return self.study.baseline.seed + TUNING_SEED

    @property
    def _next_round_number(self) -> int:
        """The number of the round that is planned next, counted from 1."""
        return 1 + max((search.last_round for search in self._searches), default=0)

    def _next_round(self) -> list[SearchedPoint]:
        """Plan the runs of the next round: one for each choice with budget left, and further ones for idle slots."""
        number = self._next_round_number
        planned: list[SearchedPoint] = []
        count = self.study.slots * ceil(sum(map(self._has_budget, self._searches)) / self.study.slots)
        while len(planned) < count and (open_searches := [s for s in self._searches if self._has_budget(s)]):
            search = min(open_searches, key=lambda s: (len(s.running), -self._steps_left(s)))
            if (point := search.ask(number)) is not None:
                planned.append((search, point))
        return planned

    def _neighbours_of_current_optimizer(self) -> list[SearchedPoint]:
        """Plan runs with the missing neighbours of its best learning rate, if other choices compete with it."""
        number = self._next_round_number
        planned: list[SearchedPoint] = []
        for search in (search for search in self._searches if search.choice.keeps_optimizer):
            least = (NEARLY - further_run_count(self.choices)) * self._horizon(search)
            while self._steps_left(search) >= least and (values := search.missing_neighbour()) is not None:
                planned.append((search, search.add(values, number)))
        return planned

    def _has_budget(self, search: ChoiceSearch) -> bool:
        """Return whether a further run of a choice may start: its first one, or one that fits the budget."""
        if search.is_over:
            return False
        is_first = not search.ended and not search.running
        return is_first or self._steps_left(search) >= NEARLY * self._horizon(search)

    def _steps_left(self, search: ChoiceSearch) -> float:
        """Return the unused steps of a choice's budget. Each run counts as at least `LEAST_SHARE` of a whole run."""
        least = LEAST_SHARE * self._horizon(search)
        used = sum(max(least, run.steps) for run in search.tried)
        return self.steps - used - len(search.running) * self._horizon(search)

    def _horizon(self, search: ChoiceSearch) -> int:
        """Return the number of steps of a whole run of a choice, or else of the unchanged script."""
        return search.horizon or max(1, observed_steps(self.study.baseline))

    def _best_points_of_contained_choices(self) -> list[SearchedPoint]:
        """Plan a run of each choice at the best point of another one, if it contains that point and has no better one.

        Returns the choices with these points.
        """
        number = self._next_round_number
        bests = [(search, best) for search in self._searches if (best := best_run(search.tried)) is not None]
        planned = []
        for search in self._searches:
            own = best_run(search.tried)
            inside = [
                (best, {**other.choice.fixed, **best.values})
                for other, best in bests
                if other is not search and search.choice.contains(other.choice, best.values)
            ]
            best, whole = min(inside, key=lambda pair: pair[0].cost, default=(None, {}))
            if best is None or own is not None and own.cost <= best.cost:
                continue
            values: Values = {dimension.name: whole[dimension.name] for dimension in search.choice.dimensions}
            if not search.has_tried(values):
                planned.append((search, search.add(values, number)))
        return planned

    def _run(self, points: Iterable[SearchedPoint]) -> None:
        """Make the runs of several points, and store each result as soon as its run has ended."""
        planned = self._planned_runs(points)
        if self._unchanged is not None and (own := planned.pop(_source_key(self.study.script), None)) is not None:
            self._store_results(own, self._unchanged, self._unchanged)
        if planned:
            self.study.run([self._job(run) for run in planned.values()])

    def _planned_runs(self, points: Iterable[SearchedPoint]) -> dict[Hashable, _PlannedRun]:
        """Return the run for each edited script; that of the unchanged script is the first one until it has ended.

        Points for which the script cannot be edited are stored as failures.
        """
        own = _source_key(self.study.script)
        runs = {own: _PlannedRun(self.study.script, ())} if self._unchanged is None else {}
        for search, point in points:
            try:
                script = search.choice.edit(self.study.script, point.values)
            except NotApplicable as error:
                search.tell(EndedRun(point, TriedValues(point.values, inf, nan, 0, reason=error.reason)))
                continue
            key = _source_key(script)
            if key in runs or key == own:
                known = runs[key].points if key in runs else ()
                runs[key] = _PlannedRun(script, (*known, (search, point)))
            else:
                runs[key] = _PlannedRun(script, ((search, point),), self._early_stopping(search, point))
        return runs

    def _early_stopping(self, search: ChoiceSearch, point: Point) -> EarlyStopping:
        """Return the limit for a run, which follows from the earlier rounds of its choice."""
        earlier = [run.early_cost for run in search.ended if run.point.round < point.round]
        step = stopping_step(self._horizon(search))
        return EarlyStopping(self.metric, self.study.baseline, step, stopping_limit(earlier))

    def _job(self, run: _PlannedRun) -> Job:
        """Return the job of a planned run. Its result is stored as soon as the run has ended."""

        def add_run(record: Record) -> None:
            """Store the result, or keep the run until that of the unchanged script has ended."""
            if record.ending is not None and record.ending.reason == EndReason.INTERRUPTED:
                return
            with self._lock:
                if _source_key(run.script) == _source_key(self.study.script):
                    self._unchanged = record
                    self.storage.note_run(CURRENT, self._seed, record.run)
                self._waiting.append((run, record))
                while self._unchanged is not None and self._waiting:
                    self._store_results(*self._waiting.pop(0), self._unchanged)

        def stop_if(reading: Reading, record: Record) -> bool:
            """Return whether the run is not worth its steps: it has diverged, or is worse than earlier ones."""
            return reading.is_diverged_loss or run.stopping is not None and run.stopping(reading, record)

        return Job(run.script, self._seed, self.study.plan.steps, stop_if=stop_if, on_end=add_run)

    def _store_results(self, run: _PlannedRun, record: Record, unchanged: Record) -> None:
        """Store the result of a run for each of its points. unchanged: the run of the unchanged script."""
        evaluator = RunEvaluator(self.metric, unchanged, self.study.baseline, self.study.plan.steps)
        for search, point in run.points:
            result = evaluator.result(point.values, record, run.stopping.stopped_at if run.stopping else None)
            horizon = search.horizon or (result.steps if isfinite(result.cost) else self._horizon(search))
            search.tell(EndedRun(point, result, evaluator.early_cost(record, horizon)))


def _source_key(script: Script) -> Hashable:
    """Return a hashable value that is equal for scripts with the same sources and arguments."""
    changed = {file: text for file, text in script.edits.items() if text != script.unedited_text(file)}
    return frozenset(changed.items()), script.arguments
