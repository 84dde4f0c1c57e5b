"""`descend compare` on one screen: observe the script, tune each choice, run all on fresh seeds, and judge."""

from collections.abc import Callable
from dataclasses import dataclass

from descend.doctor.compare.requested import Requested
from descend.doctor.compare.result import CompareResult
from descend.doctor.observe import Show
from descend.doctor.prove.judgement import MARGIN
from descend.doctor.record.store import Store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster

DEFAULT_TRIALS = 8  # runs of the search for each choice, in multiples of the unchanged script's number of steps


@dataclass(frozen=True)
class ComparisonQuestion:
    """What is compared, and how."""

    requested: Requested = Requested()
    metric: str | None = None  # name of the logged metric that is compared; None for the most informative one
    margin: float = MARGIN  # largest relative difference of costs that count as equivalent
    trials: int | None = None  # tuning budget of each choice, in runs as long as the script's; None for the default
    anyway: bool = False  # whether a script with certain faults is compared, too
    fresh: bool = False  # whether an interrupted comparison is begun again instead of resumed


def compare_choices(  # noqa: PLR0913 - the display and the cluster are separate objects
    script: Script,
    question: ComparisonQuestion,
    plan: Plan,
    store: Store,
    show: Show,
    announce: Callable[[float, int], None] = lambda run_s, runs: None,
    cluster: Cluster | None = None,
) -> CompareResult:
    """Compare choices for a script. Ctrl-C ends the runs and keeps the results; the same command resumes.

    announce: called with the seconds of one run and the number of runs that follow, before each round of runs.
    cluster: where the runs are made; None for this machine.
    Raises `UsageError` if nothing can be compared: without a metric, or if the time of `--budget` is too short.
    """
    raise NotImplementedError
