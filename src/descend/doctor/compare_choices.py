"""The steps of `descend compare`: observe the script, tune each choice, run all on fresh seeds, and judge."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from descend.core.errors import UsageError
from descend.doctor.assess.opponents import has_exploded, has_opponents
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.compare.budget import ComparisonTime
from descend.doctor.compare.choice import Choice
from descend.doctor.compare.comparison_key import comparison_key
from descend.doctor.compare.field import make_choices
from descend.doctor.compare.lr_finder import suggest_lr
from descend.doctor.compare.repeated_values import repeated_run_count
from descend.doctor.compare.requested import Requested
from descend.doctor.compare.result import CompareResult, RankedChoice, TunedChoice
from descend.doctor.compare.search import further_run_count
from descend.doctor.compare.stored_comparison import open_comparison
from descend.doctor.compare.stored_runs import load_current_runs
from descend.doctor.compare.targets import sequential_step_seconds
from descend.doctor.compare.tuned_comparison import TunedComparison
from descend.doctor.compare.varied_setting import check_settings
from descend.doctor.compare.verdict_rule import rank, unattributed_gain_message
from descend.doctor.execution.forking import fork_server
from descend.doctor.measured_stage import observe_measured_stage
from descend.doctor.observe import Show
from descend.doctor.prove.judgement import MARGIN
from descend.doctor.prove.metric import choose_metric
from descend.doctor.prove.paired_runs import Announce, PairedRuns
from descend.doctor.record import Record
from descend.doctor.record.store import Store
from descend.doctor.remedies import NotApplicable
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.confirm import fresh_seeds
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.study import Study
from descend.doctor.whole_runs import (
    can_be_repeated,
    interruption_of,
    keeping_complete_runs,
    plan_whole_runs,
    require_complete_run,
)

DEFAULT_TRIALS = 8  # runs of the search for each choice, in multiples of the unchanged script's number of steps
OPPOSING_LOSSES = (
    "the script has optimizers with opposing losses, as in a GAN, so no loss shows which choice is better; log a "
    "metric of the result"
)
INTERRUPTED = "the command was interrupted; the same command continues with the complete runs"
RESUMED = "complete runs of an earlier command are used again: {}; --fresh begins again"


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
    announce: Announce = lambda run_s, runs, later: None,
    cluster: Cluster | None = None,
) -> CompareResult:
    """Compare choices for a script. Ctrl-C ends the runs and keeps the results; the same command resumes.

    announce: called before each round with the seconds of one run, the number of its runs, and that of later runs.
    cluster: where the runs are made; None for this machine.
    Raises `UsageError` if nothing can be compared: without a metric that shows which choice is better, or if the time
    of `--budget` is too short.
    """
    began = time.perf_counter()
    check_settings(script, question.requested.settings)
    deadline, plan = plan_whole_runs(plan)
    with fork_server(script) as server:
        context = RunContext(store, show, ExternalFiles(script.sources), server, cluster, deadline)
        baseline, plan = observe_measured_stage(script, plan, context, question.metric)
        result = CompareResult(baseline, None, margin=question.margin, runs=1, interruption=interruption_of(baseline))
        if can_be_repeated(baseline):
            require_complete_run(baseline, plan)
            result = _examine(baseline, result)
            if not result.faults or question.anyway:
                result = _compare(Study(script, baseline, plan, context), question, result, announce)
    return replace(result, total_s=time.perf_counter() - began)


def _examine(baseline: Record, result: CompareResult) -> CompareResult:
    """Add the problems of the script. Those that are certain are faults, except problems of the training dynamics.

    Another choice may solve the latter.
    """
    symptoms = diagnose(baseline)
    faults = tuple(symptom for symptom in symptoms if symptom.certain and symptom.kind != "dynamics")
    return replace(result, faults=faults, suspected=tuple(s for s in symptoms if s not in faults))


def _compare(study: Study, question: ComparisonQuestion, result: CompareResult, announce: Announce) -> CompareResult:
    """Tune the choices and run them on fresh seeds. The results so far are kept if that ends early."""
    metric = choose_metric(study.baseline, question.metric)
    if metric.logged is None and has_opponents(study.baseline) and not has_exploded(study.baseline):
        raise UsageError(OPPOSING_LOSSES)
    choices, notes = make_choices(study.script, study.baseline, question.requested)
    if not choices:
        raise UsageError(f"{study.baseline.script} has nothing that could be compared: {'; '.join(notes)}")
    result = replace(result, metric=metric)
    key = comparison_key(study, metric, choices)
    with open_comparison(study.context.store, key, fresh=question.fresh) as storage:
        reused = storage.run_numbers
        current = load_current_runs(study, metric, question.margin, storage)
        comparison: TunedComparison | None = None
        with keeping_complete_runs(INTERRUPTED) as early_end:
            current.run_unchanged(fresh_seeds(study, 0)[: max(1, study.slots - 1)])
            choices, notes = _with_suggested_lr(study, question.requested, choices, notes)
            trials = _trials_per_choice(study, choices, question.trials)
            comparison = TunedComparison(current, choices, trials * study.baseline.steps, storage, announce)
            made = comparison.search.run_numbers
            reused = reused | made
            result = replace(result, tuning_steps=comparison.steps, notes=tuple(notes))
            announce(study.run_s, *_planned_run_counts(current, choices, trials, len(made)))
            comparison.run()
        searched = comparison.search.run_numbers if comparison is not None else set()
        count = 1 + len((storage.run_numbers | searched) - reused)
        result = replace(result, ended_because=early_end.reason, interruption=early_end.interruption, runs=count)
        if reused:
            result = replace(result, notes=(*result.notes, RESUMED.format(len(reused))))
        if comparison is None or comparison.runs is None:
            tuned = comparison.tuned if comparison is not None else ()
            return replace(result, ranked=tuple(RankedChoice(one, None) for one in tuned))
        return _judge(study, comparison.runs, comparison.tuned, result)


def _trials_per_choice(study: Study, choices: Sequence[Choice], wanted: int | None) -> int:
    """Return how many runs of the search each choice gets. Raises `UsageError` if the budget is too short."""
    searched = sum(bool(choice.dimensions) for choice in choices)
    # The timed runs are short and count as two.
    time_of_runs = ComparisonTime(
        study.run_s,
        study.slots,
        len(choices),
        searched,
        study.plan.seeds,
        repeated_run_count(choices),
        further_run_count([choice for choice in choices if choice.dimensions]),
        sequential=2,
    )
    budget_s = study.plan.budget_s
    return time_of_runs.fitting_trials(budget_s, budget_s - study.context.deadline.left_s, wanted or DEFAULT_TRIALS)


def _planned_run_counts(current: PairedRuns, choices: Sequence[Choice], trials: int, made: int) -> tuple[int, int]:
    """Return how many runs of the search are left if each one has all steps, and how many on fresh seeds follow.

    current: the runs of the current setting on fresh seeds. made: the number of runs of the search so far.
    """
    seeds = fresh_seeds(current.study, 0)
    search = 1 + sum(trials if choice.dimensions else 1 for choice in choices) + repeated_run_count(choices)
    return max(0, search - made), len(current.missing_runs(seeds, ())) + len(seeds) * len(choices)


def _with_suggested_lr(
    study: Study, requested: Requested, choices: Sequence[Choice], notes: Sequence[str]
) -> tuple[list[Choice], list[str]]:
    """Add the learning rate that a range test suggests, if the user wants one, and the warning about such tests."""
    if not requested.find_lr:
        return [*choices], [*notes]
    try:
        suggestion = suggest_lr(study.script, study.baseline, study)
    except NotApplicable as error:
        return [*choices], [*notes, f"no learning rate is suggested: {error.reason}"]
    return [*choices, suggestion.choice], [*notes, suggestion.warning]


def _judge(study: Study, runs: PairedRuns, tuned: Sequence[TunedChoice], result: CompareResult) -> CompareResult:
    """Rank the choices, and time the steps of the recommended one, of those as good, and of the current setting."""
    ranked, verdict, winner, more_seeds = rank(runs, tuned)
    unattributed = unattributed_gain_message(ranked, verdict)
    result = replace(
        result,
        metric=runs.metric,
        ranked=ranked,
        verdict=verdict,
        winner=winner,
        more_seeds=more_seeds,
        differs_because=runs.differs_because,
        notes=(*result.notes, unattributed) if unattributed else result.notes,
    )
    if result.ended_because or winner is None:
        return result
    timed = [row for row in ranked if row.label in (winner.label, *winner.ties) and row.tuned.script is not None]
    scripts = [row.tuned.script for row in timed if row.tuned.script is not None]
    try:
        current_s, *seconds = sequential_step_seconds(study, [study.script, *scripts])
    except (OutOfTime, KeyboardInterrupt):
        return result
    step_s = {row.label: second for row, second in zip(timed, seconds)}

    def with_seconds(row: RankedChoice) -> RankedChoice:
        """Return a row with the seconds per step, if they were measured."""
        if row.target is None or row.label not in step_s:
            return row
        return replace(row, target=replace(row.target, step_s=step_s[row.label]))

    return replace(result, ranked=tuple(map(with_seconds, ranked)), winner=with_seconds(winner), step_s=current_s)
