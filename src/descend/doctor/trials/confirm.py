"""Confirm a candidate on fresh seeds: pairs of runs with the same seed and the same examples."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf, isfinite
from statistics import median

from descend.core.bound import Bound, Count
from descend.doctor.assess.logged_metric import LoggedMetric, is_unimproved, main_metric
from descend.doctor.record import Record, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import Candidate, incomparable_message, trial_steps
from descend.doctor.trials.evaluation_metric import METRIC_SERIES, final_cost
from descend.doctor.trials.outcome import make_trial, screening_trial, to_trial_run
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.statistics import MINIMUM_EFFECT, Comparison, compare, shows_gain
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

HELD_OUT = Bound(
    1.25,
    "multiple of the unchanged script's cost on held-out data",
    "chosen: if the held-out cost rises by more than a quarter, the gain in training is memorisation",
)
HELD_OUT_SERIES = "evaluation_metric"
HELD_OUT_SERIES_OF: dict[JudgedOn, str] = {"median": "evaluation_median_error"}
NOT_COMPARED = "the cost on held-out data could not be compared, so the edit may only fit the training examples"
MEMORISED = "the inputs seem to carry no information about the targets, so a gain on training examples is memorisation"
OVERFITTED = "the edit only fits the training examples: the cost on the script's held-out data rises"
STILL_OPEN = "the gain on fresh seeds is large, but its confidence interval includes zero, so more seeds could decide"
NOT_REPEATED = "the gain did not hold on fresh seeds"
UNRELIABLE = "most fresh seeds improve, but a few become so much worse that the mean does not improve"
SHORT_LIVED = "the gain disappears after twice as many steps"
LOOKS = Count(
    2,
    "rounds of runs on fresh seeds",
    "the confidence level of each round is set for two rounds: Pocock 1977, table 1",
)

RunPair = tuple[Record, Record]  # runs of the unchanged and of the changed script with the same seed


def confirm_on_fresh_seeds(candidate: Candidate, study: Study) -> Trial:
    """Run the unchanged and the edited script on fresh seeds, twice if needed, and return the trial with its verdict.

    A changed learning rate must also win after twice as many steps. A new initialisation is compared with the one
    baseline run, which failed.
    """
    assert candidate.script is not None
    p, baseline = candidate.prescription, study.baseline
    # A fix that trains longer must also improve the held-out metric, which a script may log after its last step.
    metric = _held_out_metric(baseline) if p.times > 1 and p.judged_on != "metric" else None
    unchanged_steps = trial_steps(baseline, p.judged_on) + int(metric is not None)
    steps = unchanged_steps, p.steps(unchanged_steps)
    same_examples = p.same_batches and not baseline.fact(facts.DiffersBetweenRuns)
    remakes = p.remakes if same_examples else None
    pairs: list[RunPair] = []
    for look in range(LOOKS):
        try:
            pairs += _run_on_seeds(candidate, steps, fresh_seeds(study, look), study)
        except OutOfTime:
            if not pairs:
                raise
            break  # The first round leaves the gain open.
        for b, a in pairs:
            if reason := incomparable_message(
                a, b, p.judged_on, same_examples=same_examples, remakes=remakes, metric_run=baseline
            ):
                return replace(screening_trial(candidate, baseline), verdict=Verdict.FAILED, reason=reason)
        before, after = ([to_trial_run(r, p.judged_on, baseline) for r in side] for side in zip(*pairs))
        result = compare([b.value for b in before], [a.value for a in after])
        if not result.is_open(candidate.least_gain):
            break
    reason = _not_proved_message(candidate, result, pairs, steps, metric, study)
    remark = NOT_COMPARED if not reason and _memorises(candidate, pairs, baseline) is None else ""
    verdict = Verdict.NOT_PROVED if reason else Verdict.PROVED if p.times == 1 else Verdict.TRAIN_LONGER
    return replace(
        make_trial(candidate, baseline, verdict, result),
        seeds=tuple(a.seed for _, a in pairs),
        baseline=tuple(before),
        treated=tuple(after),
        reason=reason or remark,
        left_open=result.is_open(candidate.least_gain),
    )


def _not_proved_message(
    candidate: Candidate,
    result: Comparison,
    pairs: Sequence[RunPair],
    steps: tuple[int, int],
    metric: LoggedMetric | None,
    study: Study,
) -> str:
    """Return why the runs on fresh seeds do not prove that an edit lowers the cost; "" if they prove it."""
    baseline, judged_on = study.baseline, candidate.prescription.judged_on
    if not result.wins(candidate.least_gain):
        if result.is_typical_win(candidate.least_gain):
            return UNRELIABLE
        return STILL_OPEN if result.is_open(candidate.least_gain) else NOT_REPEATED
    if _memorises(candidate, pairs, baseline):
        return OVERFITTED
    if (
        candidate.prescription.may_memorise
        and not _uses_held_out_data(judged_on, baseline)
        and not _improves_held_out(pairs, judged_on)
    ):
        return MEMORISED
    if metric is not None and _is_no_better(pairs, metric, baseline):
        return f"the script's own held-out metric {metric.name!r} does not improve with the edit"
    if _may_be_short_lived(candidate, baseline):
        [later] = _run_on_seeds(candidate, (2 * steps[0], 2 * steps[1]), [baseline.seed + 1], study, may_restart=False)
        if not shows_gain(*(final_cost(record, judged_on, baseline) for record in later)):
            return SHORT_LIVED
    return ""


def fresh_seeds(study: Study, look: int) -> range:
    """Return the seeds for a round of runs. look: number of the round, which is 0 for the first one."""
    first = study.baseline.seed + 1 + look * study.plan.seeds
    return range(first, first + study.plan.seeds)


def _run_on_seeds(
    candidate: Candidate, steps: tuple[int, int], seeds: Sequence[int], study: Study, *, may_restart: bool = True
) -> list[RunPair]:
    """Run the unchanged and the edited script once with each seed, and return both runs for each seed.

    steps: the number of steps of each of the two scripts. may_restart: whether new initialisations are all compared
    with the baseline run.
    """
    assert candidate.script is not None
    spread = candidate.prescription.judged_on == "spread"
    if candidate.prescription.restart and may_restart:
        return [(study.baseline, a) for a in study.run([Job(candidate.script, seed, steps[1]) for seed in seeds])]
    keys = [(seed, steps[0], spread) for seed in seeds]
    missing = [key for key in keys if key not in study.unchanged]
    jobs = [Job(study.script, seed, length, spread=spread) for seed, length, _ in missing]
    jobs += [Job(candidate.script, seed, steps[1], spread=spread) for seed in seeds]
    records = study.run(jobs)
    study.unchanged.update(zip(missing, records))
    return list(zip((study.unchanged[key] for key in keys), records[len(missing) :]))


def _uses_held_out_data(judged_on: JudgedOn, baseline: Record) -> bool:
    """Return whether the evaluation metric is computed on held-out data."""
    metric = main_metric(baseline) if judged_on == "metric" else None
    return judged_on == "held_out" or (metric is not None and metric.is_held_out is True)


def _memorises(candidate: Candidate, pairs: Sequence[RunPair], baseline: Record) -> bool | None:
    """Return whether the edit clearly raises a final cost on held-out data; None if no such cost can be compared.

    The cost of the same kind as the training examples' is compared, as the edit may have changed the loss itself.
    """
    judged_on = candidate.prescription.judged_on
    if candidate.prescription.of_fact or _uses_held_out_data(judged_on, baseline):
        return False
    name, runs = HELD_OUT_SERIES_OF.get(judged_on, HELD_OUT_SERIES), [record for pair in pairs for record in pair]
    shared = [place for place in runs[0].places(name) if all(len(r.series(name, place)) for r in runs)]
    if any(ratio > HELD_OUT for ratio in _held_out_ratios(pairs, name)):
        return True
    return None if not shared and any(run.places(METRIC_SERIES["held_out"]) for run in runs) else False


def _improves_held_out(pairs: Sequence[RunPair], judged_on: JudgedOn) -> bool:
    """Return whether the edit lowers the final cost on held-out data by at least the minimum effect."""
    name = HELD_OUT_SERIES_OF.get(judged_on, HELD_OUT_SERIES)
    return next(_held_out_ratios(pairs, name), inf) <= 1 - MINIMUM_EFFECT


def _held_out_ratios(pairs: Sequence[RunPair], name: str) -> Iterator[float]:
    """Yield, for each evaluation, the ratio of its final costs with and without the edit, as the median over seeds."""
    for place in pairs[0][0].places(name):
        ends = [(b.series(name, place).last, a.series(name, place).last) for b, a in pairs]
        if all(isfinite(a) and isfinite(b) and b > 0 for b, a in ends):
            yield median(a / b for b, a in ends)


def _held_out_metric(baseline: Record) -> LoggedMetric | None:
    """Return the metric on held-out data that the script logs; None without one or if it is a loss."""
    metric = main_metric(baseline)
    if metric is None or metric.is_held_out is not True:
        return None
    number = baseline.fact(facts.MetricName, metric.name)
    return None if number and number.is_loss else metric


def _is_no_better(pairs: Sequence[RunPair], metric: LoggedMetric, baseline: Record) -> bool:
    """Return whether the edit does not improve the logged metric, or improves it too little if the baseline fails."""
    ends = [(metric.cost(metric.last_value(b)), metric.cost(metric.last_value(a))) for b, a in pairs]
    if not all(0 < b < inf and a < inf for b, a in ends):
        return False
    compared = compare([b for b, _ in ends], [a for _, a in ends])
    return compared.typical_gain <= 0 or is_unimproved(baseline, metric) and not compared.wins()


def _may_be_short_lived(candidate: Candidate, baseline: Record) -> bool:
    """Return whether a gain may disappear later: the learning rate changed and only the first steps were observed."""
    truncated = baseline.ending is not None and baseline.ending.reason == EndReason.WINDOW
    is_tuned = any(part.untuned is not None for part in (candidate, *candidate.parts))
    return truncated and (is_tuned or "learning_rate" in candidate.prescription.remedies)
