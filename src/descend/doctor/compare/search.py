"""Search for the best values of all choices, with an equal budget of optimizer steps for each.

The search goes in rounds. In each round, every choice with budget left plans one run, or several if a slot would be
idle otherwise. All runs of a round are made at once, so the results depend on no timing. They are made with one tuning
seed, which the final comparison does not use: the winner of a search is lucky with its seed.
"""

import threading
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, isfinite, isnan, nan

from descend.doctor.compare.choice import CURRENT, Choice
from descend.doctor.compare.choice_search import ChoiceSearch, EndedRun, Point
from descend.doctor.compare.early_stopping import EarlyStopping, checkpoints, rungs, stop_limits
from descend.doctor.compare.next_values import best_run
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.prove.comparability import changed_task_message
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import HANGS
from descend.doctor.record import Record
from descend.doctor.remedies import NotApplicable
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import NEGATIVE_COST
from descend.doctor.trials.run_times import observed_steps
from descend.doctor.trials.study import NEARLY, Job, Study

TUNING_SEED = 10_000  # difference between the seed of the search and that of the baseline run
DIVERGED = "the loss is infinite or NaN from step {} on"
NO_VALUE = "the run ends without a finite value of the metric"


@dataclass
class Search:
    """The search for the best values of several choices.

    A space that contains another one is at last tried at the other one's best point (Choi et al. 2019, §3.2), in a run
    beyond its budget.
    """

    study: Study
    metric: ComparedMetric
    choices: Sequence[Choice]
    steps: int  # budget of optimizer steps for each choice
    storage: StoredComparison
    _unchanged: Record | None = None  # run of the unchanged script with the tuning seed
    _waiting: list[tuple[list["_Planned"], Record, EarlyStopping | None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._searches = [self.storage.search_of(choice, self.study.plan.seed) for choice in self.choices]

    def run(self) -> None:
        """Make all runs. Runs of earlier commands are used again.

        Raises `OutOfTime`, or `KeyboardInterrupt`. Finished runs are kept.
        """
        self._run([planned for search in self._searches for planned in _plan(search, search.running)])
        while planned := self._next_round():
            self._run(planned)
        self._run(self._contained_bests())

    @property
    def tuned(self) -> tuple[TunedChoice, ...]:
        """The results so far, in the order of the choices."""
        return tuple(search.tuned(self.study.script) for search in self._searches)
