"""Confirms a candidate on fresh seeds: pairs of runs under the same seed, on the same examples."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf, isfinite
from statistics import median

from descend.doctor.course.own_metric import OwnMetric, own_metric, stands_still
from descend.doctor.record import Record, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, horizon, incomparable
from descend.doctor.trials.outcome import screened, told, trial_run
from descend.doctor.trials.statistics import LEAST_GAIN, compare, promising
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.yardsticks import YARDSTICKS, yardstick
from descend.ground.bound import Bound, Count

HELD_OUT = Bound(
    1.25,
    "times the unchanged script's cost on held-out data",
    "chosen: where a quarter comes on top, what was gained in training is memory",
)
HELD_OUT_YARDSTICK = "evaluation_yardstick"
HELD_OUT_YARDSTICKS: dict[JudgedOn, str] = {"median": "evaluation_median_error"}
NOT_COMPARED = "what the script evaluates on held-out data could not be compared: it may fit the training examples only"
MEMORY = "the inputs seem to carry no information about the targets: a gain on the training examples alone is memory"
OPEN = "it gains enough on most fresh seeds, and not surely: more of them could settle it"
LOOKS = Count(2, "looks at fresh seeds", "as many as the level of each is for: Pocock 1977, table 1")


def confirm(candidate: Candidate, study: Study) -> Trial:
    """Run the unchanged and the changed script on fresh seeds, on as many again where those leave it open.

    Another rate must win at twice the horizon too. Other starts are held against the one that ended badly.
    """
    assert candidate.script is not None
    p, baseline = candidate.prescription, study.baseline
    least, judged_on = candidate.least_gain, p.judged_on
    number = _own_number(baseline) if p.times > 1 and judged_on != "metric" else None  # then nothing else may be wrong
    whole = horizon(baseline, judged_on) + int(number is not None)  # what is printed behind the last step is heard, too
    scripts, steps = (study.script, candidate.script), (whole, p.steps(whole))
    same_examples = p.same_batches and not baseline.fact(facts.Varies)
    remakes = p.remakes if same_examples else None
    pairs: list[tuple[Record, Record]] = []
    for look in range(LOOKS):
        seeds = fresh_seeds(study, look)
        if p.restart:
            pairs += [(baseline, a) for a in study.run([Job(candidate.script, seed, steps[1]) for seed in seeds])]
        else:
            pairs += _pairs(scripts, steps, seeds, study, judged_on)
        reasons = [
            reason
            for b, a in pairs
            if (reason := incomparable(a, b, judged_on, same_examples=same_examples, remakes=remakes, told=baseline))
        ]
        if reasons:
            return replace(screened(candidate, baseline), verdict="failed", reason=reasons[0])
        before, after = ([trial_run(r, judged_on, baseline) for r in side] for side in zip(*pairs))
        result = compare([a.value for a in before], [a.value for a in after])
        if not result.is_open(least):
            break
    wins = result.wins(least)
    left_open = result.is_open(least)
    reason = "" if wins else OPEN if left_open else "the gain did not hold on fresh seeds"
    memorises = (
        wins and not p.of_fact and not _is_judged_elsewhere(judged_on, baseline) and _memorises(pairs, judged_on)
    )
    if memorises:
        reason = "it fits the training examples only: the cost on the script's own held-out data rises"
    elif (
        wins
        and p.may_memorise
        and not _is_judged_elsewhere(judged_on, baseline)
        and not _helps_unseen(pairs, judged_on)
    ):
        reason = MEMORY
    elif wins and number is not None and _is_no_better(pairs, number, baseline):
        reason = f"{number.name!r}, by which the script measures itself on held-out data, is no better with it"
    elif wins and _may_be_short_lived(candidate, baseline):
        later = _pairs(scripts, (2 * steps[0], 2 * steps[1]), [baseline.seed + 1], study, judged_on)[0]
        unchanged, changed = (yardstick(record, judged_on, baseline)[1] for record in later)
        if not promising(unchanged, changed):
            reason = "the gain is gone at twice the horizon"
    remark = NOT_COMPARED if memorises is None else ""
    verdict = "not_proved" if reason else "proved" if p.times == 1 else "train_longer"
    return replace(
        told(candidate, baseline, verdict, result),
        seeds=tuple(a.seed for _, a in pairs),
        baseline=tuple(before),
        treated=tuple(after),
        reason=reason or remark,
        left_open=left_open,
    )


def fresh_seeds(study: Study, look: int) -> range:
    """Return the seeds of a look, the first of which is 0."""
    first = study.baseline.seed + 1 + look * study.plan.seeds
    return range(first, first + study.plan.seeds)


def _pairs(
    scripts: tuple[Script, Script],
    steps: tuple[int, int],
    seeds: Sequence[int],
    study: Study,
    judged_on: JudgedOn = "fixed",
) -> list[tuple[Record, Record]]:
    spread = judged_on == "spread"
    places = [(seed, steps[0], spread) for seed in seeds]
    missing = [place for place in places if place not in study.unchanged]
    jobs = [Job(scripts[0], seed, length, spread=spread) for seed, length, _ in missing]
    jobs += [Job(scripts[1], seed, steps[1], spread=spread) for seed in seeds]
    records = study.run(jobs)
    study.unchanged.update(zip(missing, records))
    return list(zip((study.unchanged[place] for place in places), records[len(missing) :]))


def _is_judged_elsewhere(judged_on: JudgedOn, baseline: Record) -> bool:
    """Whether what is gained is gained on held-out data."""
    metric = own_metric(baseline) if judged_on == "metric" else None
    return judged_on == "held_out" or (metric is not None and metric.is_held_out is True)


def _memorises(pairs: Sequence[tuple[Record, Record]], judged_on: JudgedOn) -> bool | None:
    """Whether what the script evaluates, any of it, ends clearly worse than without the change, by the yardstick.

    The script's own loss may be what the change has edited. None where it evaluates what cannot be compared.
    """
    name, runs = HELD_OUT_YARDSTICKS.get(judged_on, HELD_OUT_YARDSTICK), [record for pair in pairs for record in pair]
    shared = [place for place in runs[0].places(name) if all(len(r.series(name, place)) for r in runs)]
    if any(ratio > HELD_OUT for ratio in _held_out_ratios(pairs, name)):
        return True
    return None if not shared and any(run.places(YARDSTICKS["held_out"]) for run in runs) else False


def _helps_unseen(pairs: Sequence[tuple[Record, Record]], judged_on: JudgedOn) -> bool:
    """Whether what the script evaluates on held-out data gets better by the least gain: memory does not."""
    name = HELD_OUT_YARDSTICKS.get(judged_on, HELD_OUT_YARDSTICK)
    return next(_held_out_ratios(pairs, name), inf) <= 1 - LEAST_GAIN


def _held_out_ratios(pairs: Sequence[tuple[Record, Record]], name: str) -> Iterator[float]:
    """Yield for each evaluation the median of its last cost with the change over that without it."""
    for place in pairs[0][0].places(name):
        ends = [(b.series(name, place).last, a.series(name, place).last) for b, a in pairs]
        if all(isfinite(a) and isfinite(b) and b > 0 for b, a in ends):
            yield median(a / b for b, a in ends)


def _own_number(baseline: Record) -> OwnMetric | None:
    """Return the number on held-out data that a script measures itself by; no loss, whose unit may change."""
    number = own_metric(baseline)
    if number is None or number.is_held_out is not True:
        return None
    told = baseline.fact(facts.OwnNumber, number.name)
    return None if told and told.is_loss else number


def _is_no_better(pairs: Sequence[tuple[Record, Record]], number: OwnMetric, baseline: Record) -> bool:
    """Whether the script's own number is known to be no better, or hardly so where it stands as without learning."""
    ends = [(number.cost(number.end(b)), number.cost(number.end(a))) for b, a in pairs]
    if not all(0 < b < inf and a < inf for b, a in ends):
        return False
    compared = compare([b for b, _ in ends], [a for _, a in ends])
    return compared.typical_gain <= 0 or stands_still(baseline, number) and not compared.wins()


def _may_be_short_lived(candidate: Candidate, baseline: Record) -> bool:
    truncated = baseline.ending is not None and baseline.ending.reason == "window"
    is_tuned = any(part.plain is not None for part in (candidate, *candidate.parts))
    return truncated and (is_tuned or "learning_rate" in candidate.prescription.remedies)
