"""Tune the choices, repeat their best values, and run them on fresh seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from descend.doctor.compare.choice import Choice
from descend.doctor.compare.final_runs import run_final_rounds
from descend.doctor.compare.repeated_values import keep_reliable_values
from descend.doctor.compare.result import TunedChoice
from descend.doctor.compare.search import Search
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.compare.stored_runs import load_final_runs
from descend.doctor.prove.paired_runs import Announce, PairedRuns


@dataclass
class TunedComparison:
    """The search of each choice's best values, and the runs with these values on fresh seeds."""

    current: PairedRuns  # the runs of the current setting on fresh seeds so far
    choices: Sequence[Choice]
    steps: int  # budget of optimizer steps of the search for each choice
    storage: StoredComparison
    announce: Announce = lambda run_s, runs, later: None
    runs: PairedRuns | None = None  # None before the first run of a tuned choice on a fresh seed
    _reliable: Sequence[TunedChoice] = ()  # the choices with the values that have run on fresh seeds

    def __post_init__(self) -> None:
        self.search = Search(self.current.study, self.current.metric, self.choices, self.steps, self.storage)

    @property
    def tuned(self) -> Sequence[TunedChoice]:
        """The choices with their best values so far."""
        return self._reliable or self.search.tuned

    def run(self) -> None:
        """Make all runs that have not been made yet. Those that have ended are kept if an exception is raised.

        Raises `OutOfTime` if the next runs would not end before the deadline, and `KeyboardInterrupt`.
        """
        self.search.run()
        tuned = keep_reliable_values(self.current.study, self.current.metric, self.search.tuned, self.storage)
        self._reliable, self.runs = tuned, load_final_runs(self.current, tuned, self.storage)
        run_final_rounds(self.runs, tuned, self.announce)
