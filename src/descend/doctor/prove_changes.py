"""The steps of `descend prove`: observe the unchanged script, run the changed ones with the same seeds, and judge."""

import time
from dataclasses import dataclass, replace
from math import ceil

from descend.core.errors import UsageError
from descend.doctor.assess.logged_metric import logged_metrics
from descend.doctor.execution.forking import fork_server
from descend.doctor.measured_stage import observe_measured_stage
from descend.doctor.observe import Show
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict
from descend.doctor.prove.metric import choose_metric
from descend.doctor.prove.needed_parts import require_few_parts
from descend.doctor.prove.paired_runs import Announce, PairedRuns
from descend.doctor.prove.parts_trial import prove_needed_parts
from descend.doctor.prove.result import ChangedScript, ChangeResult, Expectation, ProveResult
from descend.doctor.record.store import Store
from descend.doctor.remedy_changes import remedy_change
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.confirm import LOOKS
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import Study
from descend.doctor.whole_runs import (
    can_be_repeated,
    interruption_of,
    keeping_complete_runs,
    plan_whole_runs,
    require_complete_run,
)

LEAST_SEEDS = 2  # smallest number of seeds for which there is a confidence interval
INTERRUPTED = "the command was interrupted, so the verdicts follow from the complete runs"


@dataclass(frozen=True)
class Question:
    """The changes, and what the user wants to know about them."""

    changes: tuple[ChangedScript, ...] = ()
    expected: Expectation = Expectation.NO_WORSE
    margin: float = MARGIN  # largest relative difference of costs that count as equivalent
    metric: str | None = None  # name of the logged metric that is compared; None for the most informative one
    parts: bool = False  # whether to find out which parts of a change that helps are needed
    remedies: tuple[str, ...] = ()  # ids of the catalog's remedies that are compared as further changes


def prove_changes(
    script: Script,
    question: Question,
    plan: Plan,
    store: Store,
    show: Show,
    announce: Announce = lambda run_s, runs, later: None,
) -> ProveResult:
    """Compare changed scripts with the unchanged one on the same seeds. Ctrl-C ends the runs and keeps the results.

    announce: called before each round with the seconds of one run, the number of its runs, and that of later runs.
    Raises `UsageError` if nothing can be compared: without a metric, or if the time of `--budget` is too short.
    """
    began = time.perf_counter()
    for change in question.changes if question.parts else ():
        require_few_parts(script, change)
    deadline, plan = plan_whole_runs(plan)
    with fork_server(script) as server:
        context = RunContext(store, show, ExternalFiles(script.sources), server, None, deadline)
        baseline, plan = observe_measured_stage(script, plan, context, question.metric)
        result = ProveResult(baseline, None, expected=question.expected, margin=question.margin, runs=1)
        if not can_be_repeated(baseline):
            return replace(result, interruption=interruption_of(baseline), total_s=time.perf_counter() - began)
        # The change may be the missing step of a script that logs a metric.
        require_complete_run(baseline, plan, may_take_no_step=bool(logged_metrics(baseline)))
        study = Study(script, baseline, plan, context)
        changes = [*question.changes, *(remedy_change(script, baseline, name) for name in question.remedies)]
        runs = PairedRuns(study, choose_metric(baseline, question.metric), changes, question.margin, plan.steps)
        result = _run_rounds(runs, result, announce, with_parts=question.parts)
    return replace(result, total_s=time.perf_counter() - began)


def _run_rounds(runs: PairedRuns, result: ProveResult, announce: Announce, *, with_parts: bool) -> ProveResult:
    """Run all scripts with one round of seeds, and those of undecided changes with a second one; judge from all runs.

    with_parts: whether to run each change that helps without some of its parts afterwards.
    """
    study, seeds = runs.study, runs.study.plan.seeds
    needed: dict[int, ChangeResult] = {}
    with keeping_complete_runs(INTERRUPTED) as early_end:
        _require_time(runs)
        for look in range(LOOKS):
            undecided = [index for index in range(len(runs.changes)) if runs.is_undecided(index)]
            if undecided:
                first = study.baseline.seed + look * seeds
                numbers = range(first, first + seeds)
                runs.run_unchanged(numbers[: study.slots])  # Their durations predict those of the other runs.
                announce(study.run_s, len(runs.missing_runs(numbers, undecided)), 0)
                runs.run_on_seeds(numbers)
        for index in range(len(runs.changes)):
            if with_parts and runs.result(index).verdict == ChangeVerdict.HELPS:
                if (smaller := prove_needed_parts(runs, index)) is not None:
                    needed[index] = smaller
    return replace(
        result,
        metric=runs.metric,
        changes=tuple(replace(runs.result(i), needed=needed.get(i)) for i in range(len(runs.changes))),
        differs_because=runs.differs_because,
        runs=1 + len(runs.made),
        interruption=early_end.interruption,
        ended_because=early_end.reason,
    )


def _require_time(runs: PairedRuns) -> None:
    """Raise `UsageError` if the smallest comparison, with two seeds, would not end before the deadline."""
    study, deadline = runs.study, runs.study.context.deadline
    least = LEAST_SEEDS * (1 + len(runs.changes))
    needed_s = ceil(least / study.slots) * study.run_s
    if not deadline.fits(needed_s):
        used_s = study.plan.budget_s - deadline.left_s
        raise UsageError(
            f"--budget {study.plan.budget_s:.12g}s is too short to compare two seeds: it takes about "
            f"{used_s + needed_s:.0f} s. Give it more time, or compare shorter runs with --steps"
        )
