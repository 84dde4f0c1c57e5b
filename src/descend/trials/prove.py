"""Screens remedies on one seed, confirms the cheapest good one on fresh seeds, and checks its patch.

Every comparison is paired: the same seed, the same examples, the same number of steps, judged on a yardstick that
no remedy can move.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from descend.record import Record
from descend.remedies import NotApplicable, Prescription
from descend.script import Script
from descend.trials.arms import Bench, Job, yardstick
from descend.trials.statistics import Comparison, as_good, compare, promising
from descend.trials.trial import Arm, Trial

CONFIRMED = 2  # candidates that are tried on fresh seeds before giving up

Prescribe = Callable[[frozenset[str]], list[Prescription]]  # ids of refuted suspicions -> what may help


@dataclass(frozen=True)
class Candidate:
    """A remedy with its screening: one arm beside the exam, under the script's own seed."""

    prescription: Prescription
    script: Script | None
    record: Record | None = None
    value: float = float("nan")
    reason: str = ""

    @property
    def cost(self) -> int:
        """How invasive the change is."""
        return self.prescription.cost


@dataclass
class Proof:
    """The trials of one case."""

    trials: list[Trial] = field(default_factory=list)
    confirmed: frozenset[str] = frozenset()  # suspicions whose own remedy has won
    cure: Trial | None = None
    arm: Record | None = None  # the cure's arm under the script's own seed
    interrupted: bool = False  # by Ctrl-C, before it could decide everything


def prove(script: Script, exam: Record, prescribe: Prescribe, bench: Bench, proof: Proof) -> None:
    """Try what `prescribe` gives and fill `proof`: every trial, which suspicions held, the cheapest proven cure."""
    place, before = yardstick(exam)
    if not place:
        reason = "there is no yardstick: no step could be taped, so no remedy can be judged"
        proof.trials = [_untried(Candidate(p, None, reason=reason)) for p in prescribe(frozenset())]
        return
    candidates, refuted = _screen_all(script, exam, prescribe, bench)
    winners = _ranked([c for c in candidates if promising(before, c.value) and c.prescription.symptom not in refuted])
    winners = _combined(winners, exam, bench) + winners
    everything = [*(c for c in winners if c not in candidates), *candidates]
    proof.trials = [_screened(c, exam) for c in everything]
    for candidate in winners[:CONFIRMED]:
        trial = _confirm(script, exam, candidate, bench)
        proof.trials[everything.index(candidate)] = trial
        if trial.verdict == "proved":
            proof.cure, proof.arm = trial, candidate.record
            proof.confirmed = frozenset(c.prescription.symptom for c in candidates) - refuted
            break


def _screen_all(
    script: Script, exam: Record, prescribe: Prescribe, bench: Bench
) -> tuple[list[Candidate], frozenset[str]]:
    """Screen until no suspicion is newly refuted: a refuted cause sets its consequences free."""
    candidates: list[Candidate] = []
    refuted: frozenset[str] = frozenset()
    while True:
        asked = prescribe(refuted)
        known = {c.prescription.label for c in candidates}
        candidates += _screen(script, exam, [p for p in asked if p.label not in known], bench)
        owners = {c.prescription.label: c for c in candidates}
        mine = [replace(owners[p.label], prescription=p) for p in asked]
        newly = _refuted(mine, yardstick(exam)[1]) - refuted
        if not newly:
            live = {p.label for p in asked}
            return mine + [c for c in candidates if c.prescription.label not in live], refuted
        refuted |= newly


def _screen(script: Script, exam: Record, prescriptions: Iterable[Prescription], bench: Bench) -> list[Candidate]:
    candidates = []
    for prescription in prescriptions:
        edited = prescription.apply(script)
        if isinstance(edited, NotApplicable):
            candidates.append(Candidate(prescription, None, reason=edited.reason))
        else:
            candidates.append(Candidate(prescription, edited))
    return _run(candidates, exam, bench)


def _run(candidates: Sequence[Candidate], exam: Record, bench: Bench) -> list[Candidate]:
    scripts = [c.script for c in candidates if c.script is not None]
    jobs = [Job(script, exam.seed, exam.steps, exam) for script in scripts]
    records = iter(bench.run(jobs))
    return [c if c.script is None else _judged(c, next(records), exam) for c in candidates]


def _judged(candidate: Candidate, record: Record, exam: Record) -> Candidate:
    reason = _incomparable(record, exam)
    value = float("nan") if reason else yardstick(record)[1]
    return replace(candidate, record=record, value=value, reason=reason)


def _incomparable(record: Record, exam: Record) -> str:
    """Return why two runs cannot be compared, or nothing."""
    if record.ending is not None and record.ending.reason == "failed":
        return "the changed script fails: " + (record.ending.error.strip().splitlines() or ["?"])[-1]
    if record.ending is None or not record.places("yardstick"):
        return ""  # diverged or given up early: that is a result
    if yardstick(record)[0] != yardstick(exam)[0]:
        return "the change moves the yardstick itself"
    seen, expected = record.fact("monitor") or {}, exam.fact("monitor") or {}
    if seen.get("digest") != expected.get("digest"):
        return "the changed script was shown other examples: it cannot be compared"
    return ""


def _refuted(candidates: Sequence[Candidate], before: float) -> frozenset[str]:
    """Return the suspicions whose deciding remedies did not win, or did clearly worse than another one."""
    symptoms = {c.prescription.symptom for c in candidates}
    refuted = set()
    for symptom in symptoms:
        mine = [c for c in candidates if c.prescription.symptom == symptom]
        best = min((c.value for c in mine if isfinite(c.value)), default=float("nan"))
        # Where no deciding remedy could be run, whatever helps has to do.
        deciding = [c for c in mine if c.prescription.decides and not c.reason] or mine
        if not any(promising(before, c.value) and as_good(c.value, best) for c in deciding):
            refuted.add(symptom)
    return frozenset(refuted)


def _ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Return the cheapest of those about as good as the best first, then the rest by what they reach."""
    if not candidates:
        return []
    best = min(c.value for c in candidates)
    return sorted(
        candidates,
        key=lambda c: (not as_good(c.value, best), c.cost if as_good(c.value, best) else 0, c.value),
    )


def _combined(winners: list[Candidate], exam: Record, bench: Bench) -> list[Candidate]:
    """Return the best remedy together with the best of another symptom, where that takes another fifth off both."""
    if not winners:
        return []
    first = winners[0]
    assert first.script is not None
    others = [c for c in winners if c.prescription.symptom != first.prescription.symptom]
    if not others:
        return []
    second = others[0]
    both = second.prescription.apply(first.script)
    if isinstance(both, NotApplicable):
        return []
    label = f"{first.prescription.label} + {second.prescription.label}"
    cost = first.cost + second.cost
    joined = replace(
        first.prescription,
        remedy=f"{first.prescription.remedy}+{second.prescription.remedy}",
        label=label,
        cost=cost,
    )
    tried = _run([Candidate(joined, both)], exam, bench)[0]
    return [tried] if promising(min(first.value, second.value), tried.value) else []


def _confirm(script: Script, exam: Record, candidate: Candidate, bench: Bench) -> Trial:
    """Run the unchanged and the changed script on fresh seeds; a lower rate must win at twice the horizon too."""
    assert candidate.script is not None
    seeds = tuple(exam.seed + 1 + i for i in range(bench.plan.seeds))
    pairs = _pairs(script, candidate.script, seeds, exam.steps, bench)
    reasons = [reason for b, a in pairs if (reason := _incomparable(a, b))]
    if reasons:
        return replace(_screened(candidate, exam), verdict="failed", reason=reasons[0])
    before, after = ([_arm(r) for r in side] for side in zip(*pairs))
    result = compare([a.value for a in before], [a.value for a in after])
    verdict = "proved" if result.wins else "not_proved"
    reason = "" if result.wins else "the gain did not hold on fresh seeds"
    if result.wins and _may_be_short_lived(candidate, exam):
        later = _pairs(script, candidate.script, seeds[:1], 2 * exam.steps, bench)[0]
        if not promising(yardstick(later[0])[1], yardstick(later[1])[1]):
            verdict, reason = "not_proved", "the gain is gone at twice the horizon"
    return replace(
        _trial(candidate, exam, verdict, result),
        seeds=seeds,
        baseline=tuple(before),
        treated=tuple(after),
        reason=reason,
    )


def _pairs(
    script: Script, changed: Script, seeds: Sequence[int], steps: int, bench: Bench
) -> list[tuple[Record, Record]]:
    jobs = [Job(s, seed, steps) for seed in seeds for s in (script, changed)]
    records = bench.run(jobs)
    return list(zip(records[::2], records[1::2]))


def _may_be_short_lived(candidate: Candidate, exam: Record) -> bool:
    truncated = exam.ending is not None and exam.ending.reason == "window"
    return truncated and "learning_rate" in candidate.prescription.remedy


def _screened(candidate: Candidate, exam: Record) -> Trial:
    if candidate.record is None or candidate.reason:
        return _untried(candidate)
    before = yardstick(exam)[1]
    verdict = "no_effect"
    if promising(before, candidate.value):
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
        metric(exam),
        result.before,
        result.after,
        result.interval,
        result.difference,
        (exam.seed,),
        candidate.script,
        (_arm(exam),),
        (_arm(candidate.record),) if candidate.record else (),
        patch=candidate.script.diff() if candidate.script else "",
    )


def metric(exam: Record) -> str:
    """Return what the yardstick is, in words."""
    place = yardstick(exam)[0].replace("_", " ")
    examples = (exam.fact("monitor") or {}).get("examples", 0)
    return f"{place} on {examples} fixed training examples after {exam.steps} steps"


def _arm(record: Record) -> Arm:
    accuracy = record.series("accuracy")
    error = record.ending.error if record.ending else ""
    return Arm(record.run, record.seed, yardstick(record)[1], accuracy.last if len(accuracy) else None, error)
