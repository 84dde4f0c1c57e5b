"""Screens remedies on one seed, confirms the cheapest good one on fresh seeds, and checks its patch.

Every comparison is paired: the same seed, the same examples, the same number of steps, judged on a yardstick that
no remedy can move.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import median

from descend.record import Record
from descend.remedies import JudgedOn, Key, NotApplicable, Prescription
from descend.script import Script
from descend.trials.arms import YARDSTICKS, Bench, Job, yardstick
from descend.trials.candidate import VARIES, Candidate, horizon, incomparable, judged_unpaired, run_all
from descend.trials.combine import combined
from descend.trials.statistics import Comparison, as_good, compare, explains, promising
from descend.trials.trial import Arm, Trial

HELD_OUT = 1.25  # times the unchanged script's loss on held-out data: what was gained is memory
CONFIRMED = 2  # candidates that are tried on fresh seeds before what they are for is given up
FAILED = 4  # of them in all
LOOKS = 2  # at fresh seeds: what `statistics.LOOK` is for
NO_HELD_OUT = "the script computes no loss on held-out data"
NO_YARDSTICK = "there is no yardstick: no step could be taped, so no remedy can be judged"
STARTS = "every start held against the run as it came"
PROVED = ("proved", "train_longer")

Prescribe = Callable[[frozenset[str]], list[Prescription]]  # ids of refuted suspicions -> what may help


@dataclass
class Proof:
    """The trials of one case."""

    trials: list[Trial] = field(default_factory=list)
    confirmed: frozenset[str] = frozenset()  # suspicions whose own remedy has won
    cure: Trial | None = None
    arm: Record | None = None  # the cure's arm under the script's own seed
    refuted: frozenset[str] = frozenset()  # suspicions whose own remedies have not won
    failed: dict[Key, Trial] = field(default_factory=dict)  # on fresh seeds
    interrupted: bool = False  # by Ctrl-C, before it could decide everything


def prove(script: Script, exam: Record, prescribe: Prescribe, bench: Bench, proof: Proof) -> None:
    """Try what `prescribe` gives and fill `proof`: every trial, which suspicions held, the cheapest proven cure.

    A suspicion whose cures do not hold on fresh seeds is refuted by that, and sets its consequences free.
    """
    candidates: list[Candidate] = []
    while proof.cure is None and len(proof.failed) < FAILED:
        known = len(proof.failed)
        candidates = _screen_all(script, exam, prescribe, bench, candidates, proof)
        _confirm_best(script, exam, candidates, bench, proof)
        if len(proof.failed) == known:
            break  # none is left


def _confirm_best(script: Script, exam: Record, candidates: Sequence[Candidate], bench: Bench, proof: Proof) -> None:
    """Confirm the best that no fresh seed has seen yet, until one holds; what those are for that do not is refuted."""
    alive = [c for c in candidates if c.prescription.symptom not in proof.refuted]
    untried = [c for c in alive if c.prescription.key not in proof.failed]
    winners = _ranked([c for c in untried if c.helps])
    winners = [c for c in combined(winners, untried, exam, bench) if c.prescription.key not in proof.failed] + winners
    everything = [*(c for c in winners if c not in candidates), *candidates]
    shown = [proof.failed.get(c.prescription.key) or _screened(c, exam) for c in everything]
    proof.trials = [*shown, *(trial for trial in proof.failed.values() if trial not in shown)]
    for candidate in winners[:CONFIRMED]:
        trial = _confirm(script, exam, candidate, bench)
        proof.trials[everything.index(candidate)] = trial
        if trial.verdict in PROVED:
            proof.cure, proof.arm = trial, candidate.record
            helping = [c for c in candidates if c.helps and c.prescription.key not in proof.failed]
            proof.confirmed = frozenset(c.prescription.symptom for c in helping) - proof.refuted
            return
        proof.failed[candidate.prescription.key] = trial
    proof.refuted |= {c.prescription.symptom for c in winners[:CONFIRMED] if not c.prescription.of_fact}


def _screen_all(
    script: Script,
    exam: Record,
    prescribe: Prescribe,
    bench: Bench,
    candidates: list[Candidate],
    proof: Proof,
) -> list[Candidate]:
    """Screen until no suspicion is newly refuted: a refuted cause sets its consequences free."""
    while True:
        asked = prescribe(proof.refuted)
        known = {c.prescription.key for c in candidates}
        candidates += _screen(script, exam, [p for p in asked if p.key not in known], bench)
        owners = {c.prescription.key: c for c in candidates}
        mine = [replace(owners[p.key], prescription=p) for p in asked]
        mine = [replace(c, value=float("nan")) if c.prescription.key in proof.failed else c for c in mine]
        newly = _refuted(mine) - proof.refuted
        if not newly:
            live = {p.key for p in asked}
            return mine + [c for c in candidates if c.prescription.key not in live]
        proof.refuted |= newly


def _screen(script: Script, exam: Record, prescriptions: Iterable[Prescription], bench: Bench) -> list[Candidate]:
    candidates = []
    for prescription in prescriptions:
        edited = prescription.apply(script)
        if isinstance(edited, NotApplicable):
            candidates.append(Candidate(prescription, None, reason=edited.reason))
        elif not yardstick(exam, prescription.judged_on)[0]:
            missing = NO_HELD_OUT if prescription.judged_on == "held_out" else NO_YARDSTICK
            candidates.append(Candidate(prescription, None, reason=missing))
        else:
            candidates.append(Candidate(prescription, edited))
    return list(judged_unpaired(run_all(candidates, exam, bench), script, exam, bench))


def _refuted(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the suspicions whose deciding remedies did not win, or did clearly worse than another one."""
    symptoms = {c.prescription.symptom for c in candidates}
    refuted = set()
    for symptom in symptoms:
        mine = [c for c in candidates if c.prescription.symptom == symptom]
        best = min((c.left for c in mine if isfinite(c.left)), default=float("nan"))
        # Where no deciding remedy could be run, whatever helps has to do.
        deciding = [c for c in mine if c.prescription.decides and not c.reason] or mine
        if not any(c.helps and explains(c.left, best) for c in deciding):
            refuted.add(symptom)
    return frozenset(refuted)


def _ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Return the cheapest of those about as good as the best first, then the rest by what they reach.

    What mends a fact, and most of the trouble with it, goes before what makes the run bear it.
    """
    best = min((c.left for c in candidates), default=1.0)

    def rank(candidate: Candidate) -> tuple[bool, bool, int, float]:
        is_good = as_good(candidate.left, best)
        mends = candidate.prescription.of_fact and explains(candidate.left, best)
        return not mends, not is_good, candidate.cost if is_good else 0, candidate.left

    return sorted(candidates, key=rank)


def _confirm(script: Script, exam: Record, candidate: Candidate, bench: Bench) -> Trial:
    """Run the unchanged and the changed script on fresh seeds, on as many again where those leave it open.

    A lower rate must win at twice the horizon too. Other starts are held against the one that ended badly.
    """
    assert candidate.script is not None
    p = candidate.prescription
    times, judged_on = p.times, p.judged_on
    scripts, steps = (script, candidate.script), (horizon(exam, judged_on), times * horizon(exam, judged_on))
    same_examples = not p.restart and not exam.fact(VARIES)
    pairs: list[tuple[Record, Record]] = []
    for look in range(LOOKS):
        first = exam.seed + 1 + look * bench.plan.seeds
        seeds = range(first, first + bench.plan.seeds)
        if p.restart:
            pairs += [(exam, a) for a in bench.run([Job(candidate.script, seed, steps[1]) for seed in seeds])]
        else:
            pairs += _pairs(scripts, steps, seeds, bench, judged_on)
        reasons = [reason for b, a in pairs if (reason := incomparable(a, b, judged_on, same_examples=same_examples))]
        if reasons:
            return replace(_screened(candidate, exam), verdict="failed", reason=reasons[0])
        before, after = ([_arm(r, judged_on, exam) for r in side] for side in zip(*pairs))
        result = compare([a.value for a in before], [a.value for a in after])
        if not result.is_open(times):
            break
    wins = result.wins(times)
    reason = "" if wins else "the gain did not hold on fresh seeds"
    if wins and judged_on != "held_out" and _memorises(pairs):
        reason = "it fits the training examples only: the loss on the script's own held-out data rises"
    elif wins and _may_be_short_lived(candidate, exam):
        later = _pairs(scripts, (2 * steps[0], 2 * steps[1]), [exam.seed + 1], bench, judged_on)[0]
        unchanged, changed = (yardstick(record, judged_on, exam)[1] for record in later)
        if not promising(unchanged, changed):
            reason = "the gain is gone at twice the horizon"
    verdict = "not_proved" if reason else "proved" if times == 1 else "train_longer"
    return replace(
        _trial(candidate, exam, verdict, result),
        seeds=tuple(a.seed for _, a in pairs),
        baseline=tuple(before),
        treated=tuple(after),
        reason=reason,
    )


def _pairs(
    scripts: tuple[Script, Script],
    steps: tuple[int, int],
    seeds: Sequence[int],
    bench: Bench,
    judged_on: JudgedOn = "fixed",
) -> list[tuple[Record, Record]]:
    spread = judged_on == "spread"
    jobs = [Job(script, seed, length, spread=spread) for seed in seeds for script, length in zip(scripts, steps)]
    records = bench.run(jobs)
    return list(zip(records[::2], records[1::2]))


def _memorises(pairs: Sequence[tuple[Record, Record]]) -> bool:
    """Whether a loss that the script evaluates, any of them, ends clearly higher than without the change."""
    name, runs = YARDSTICKS["held_out"], [record for pair in pairs for record in pair]
    shared = [place for place in runs[0].places(name) if all(len(r.series(name, place)) for r in runs)]
    for place in shared:
        ends = [(b.series(name, place).last, a.series(name, place).last) for b, a in pairs]
        known = [(b, a) for b, a in ends if isfinite(a) and isfinite(b) and b > 0]
        if len(known) == len(pairs) and median(a / b for b, a in known) > HELD_OUT:
            return True
    return False


def _may_be_short_lived(candidate: Candidate, exam: Record) -> bool:
    truncated = exam.ending is not None and exam.ending.reason == "window"
    return truncated and "learning_rate" in candidate.prescription.remedy


def _screened(candidate: Candidate, exam: Record) -> Trial:
    if candidate.record is None or candidate.reason:
        return _untried(candidate)
    before = candidate.before
    verdict = "no_effect"
    if candidate.helps:
        verdict = "helps"
    elif not isfinite(candidate.value) or candidate.value > before * 1.2:
        verdict = "worse"
    return _trial(candidate, exam, verdict, compare([before], [candidate.value]))


def _untried(candidate: Candidate) -> Trial:
    p, nan = candidate.prescription, float("nan")
    names = tuple(p.remedy.split("+"))
    return Trial(names, p.label, p.symptom, "failed", "", nan, nan, (nan, nan), (nan, nan), (), reason=candidate.reason)


def _trial(candidate: Candidate, exam: Record, verdict: str, result: Comparison) -> Trial:
    p = candidate.prescription
    return Trial(
        tuple(p.remedy.split("+")),
        p.label,
        p.symptom,
        verdict,
        metric(exam, p.judged_on) + (f", {STARTS}" if p.restart else ""),
        result.before,
        result.after,
        result.interval,
        result.difference,
        (exam.seed,),
        candidate.script,
        (_arm(exam, p.judged_on, exam),),
        (_arm(candidate.record, p.judged_on, exam),) if candidate.record else (),
        judged_on=p.judged_on,
        patch=candidate.script.diff() if candidate.script else "",
    )


def metric(exam: Record, judged_on: JudgedOn = "fixed") -> str:
    """Return what the yardstick is, in words."""
    place = yardstick(exam)[0].replace("_", " ")
    if judged_on == "training":
        return f"the script's own training loss after {horizon(exam)} steps"
    if judged_on == "last_stage":
        return f"the script's own training loss in its last stage, after {horizon(exam)} steps"
    if judged_on == "held_out":
        return f"loss on the script's own held-out data after {horizon(exam)} steps"
    if judged_on == "spread":
        return f"{place} on batches from all over the run after {horizon(exam)} steps"
    place = f"median {place}" if judged_on == "median" else place
    examples = (exam.fact("monitor") or {}).get("examples", 0)
    return f"{place} on {examples} fixed training examples after {horizon(exam)} steps"


def _arm(record: Record, judged_on: JudgedOn, exam: Record) -> Arm:
    accuracy = record.series("accuracy")
    error = record.ending.error if record.ending else ""
    return Arm(
        record.run, record.seed, yardstick(record, judged_on, exam)[1], accuracy.last if len(accuracy) else None, error
    )
