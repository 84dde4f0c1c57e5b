"""A remedy with its screening: one trial run beside the baseline, under the script's own seed."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from descend.doctor.course.opponents import has_exploded, has_opponents
from descend.doctor.course.own_metric import own_metric
from descend.doctor.course.progress import constant_cost, diverged
from descend.doctor.record import Fact, Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.record.failures import cause_of
from descend.doctor.remedies import JudgedOn, Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.effect import NO_EFFECT, missing_effect
from descend.doctor.trials.same_task import OTHER_EVALUATION, OTHER_TARGETS, other_task, targets_follow
from descend.doctor.trials.statistics import EASY_GAIN, LEAST_GAIN, promising
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Part, edit_of
from descend.doctor.trials.yardsticks import YARDSTICKS, is_own_loss, yardstick

OTHER_EXAMPLES = "the changed script was shown other examples: it cannot be compared"
OWN_SELECTION = "the loss is a mean over what the network itself selects: its level does not tell good from bad"
OPPONENTS = "another optimizer steps in turn on a loss of its own and moves this one, whatever the change is worth"
BELOW_ZERO = "the loss falls to zero or below, where a gain cannot be told as a share of it"
NOT_PRINTED = "the changed script does not print its own number as a finite one"
BY_LOSS: tuple[JudgedOn, ...] = ("fixed", "spread", "training")
ROOM = 0.1  # of a run's steps: what data drawn by chance may differ in number from seed to seed


@dataclass(frozen=True)
class Candidate:
    """One remedy, or several together, and what one run with it came to."""

    prescription: Prescription
    script: Script | None
    record: Record | None = None
    value: float = float("nan")
    before: float = float("nan")  # the baseline's, by the same yardstick
    reference: float = 1.0  # what `left` is a share of
    reason: str = ""
    parts: tuple["Candidate", ...] = ()  # of several remedies together, in the order in which they are applied
    plain: "Candidate | None" = None  # of one at another rate: what it is at the rate before
    asked: tuple[Prescription, ...] = ()  # all prescriptions that give this source, as they were prescribed

    @property
    def edit(self) -> Hashable:
        """What identifies its edit: candidates with the same source are one candidate."""
        return edit_of(self.script, self.prescription.label, self.reason)

    @property
    def prescriptions(self) -> tuple[Prescription, ...]:
        """Every prescription that it is the trial of, the first one first."""
        return self.asked or (self.prescription,)

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The ids of the symptoms that it was prescribed for, without repetition."""
        return tuple(dict.fromkeys((self.prescription.symptom, *(p.symptom for p in self.asked))))

    @property
    def cost(self) -> int:
        """How invasive the change is."""
        return self.prescription.cost

    @property
    def helps(self) -> bool:
        """Whether it shows the least gain that is asked of it."""
        return promising(self.before, self.value, self.least_gain)

    @property
    def has_no_effect(self) -> bool:
        """Whether its run shows that what it sets is unchanged."""
        return self.reason.startswith(NO_EFFECT)

    @property
    def made_by(self) -> tuple[Part, ...]:
        """The changes that it is made by, in their order."""
        examined = self.script.examined if self.script is not None else {}
        return tuple(Part(one.prescription, examined) for one in self.parts or (self,))

    @property
    def least_gain(self) -> float:
        """The least share of the yardstick that it must take off."""
        p = self.prescription
        return EASY_GAIN if p.times > 1 or p.adds_parameters or p.much else LEAST_GAIN

    @property
    def left(self) -> float:
        """What is left of the cost, as a share of its reference."""
        return self.value / self.reference


def reference(before: float, baseline: Record, judged_on: JudgedOn) -> float:
    """Return what a cost is a share of: what the baseline costs, or what learning nothing does where that is less.

    What diverges costs far more than what learns nothing. 1 where neither is known.
    """
    constant = constant_cost(baseline) if judged_on == "fixed" else None
    if judged_on == "metric" and (metric := own_metric(baseline)) and isfinite(metric.untrained):
        constant = metric.cost(metric.untrained)
    least = min(before if isfinite(before) else inf, constant or inf)
    return least if 0 < least < inf else 1.0


def run_all(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Run each candidate that has a script, and judge it beside the baseline; not one that no run can judge."""
    baseline = study.baseline
    scripts = [(c.script, c.prescription) for c in candidates if c.script is not None and not c.reason]
    records = iter(study.run([_job(script, prescription, baseline) for script, prescription in scripts]))
    judged = [c if c.script is None or c.reason else _judged(c, next(records), baseline) for c in candidates]
    return _judged_without_floor(judged, baseline)


def _job(script: Script, p: Prescription, baseline: Record) -> Job:
    return Job(
        script,
        baseline.seed,
        p.steps(horizon(baseline, p.judged_on)),
        _to_keep_up_with(baseline, p),
        spread=p.judged_on == "spread",
    )


def judged_unpaired(candidates: Sequence[Candidate], study: Study) -> Sequence[Candidate]:
    """Judge again those that were shown other examples, where the unchanged script is so, too, under the same seed.

    Then no two runs are a pair, and their spread over the seeds has to decide. Those that have other targets, too,
    where the targets depend on what is trained: no change keeps those.
    """
    baseline = study.baseline
    other_tasks = [c for c in candidates if c.reason in (OTHER_TARGETS, OTHER_EVALUATION)]
    if not other_tasks and not any(c.reason == OTHER_EXAMPLES for c in candidates):
        return candidates
    again = study.run([Job(study.script, baseline.seed, horizon(baseline))])[0]
    if again.fact(facts.Monitor) is not None and not were_shown_alike(again, baseline):
        baseline.add(Fact.of(facts.Varies(), 0))
        return _again(candidates, baseline)
    untrained = [Job(study.script, baseline.seed, horizon(baseline), trains=False)] if other_tasks else []
    if not any(targets_follow(run, baseline) for run in study.run(untrained)):
        return candidates
    baseline.add(Fact.of(facts.TargetsFollow(), 0))
    return _again(candidates, baseline)


def _judged_without_floor(candidates: list[Candidate], baseline: Record) -> list[Candidate]:
    """Judge again, by how far it comes down, what has come below zero: it is no share of anything."""
    floorless = {c.prescription.judged_on for c in candidates if c.reason == BELOW_ZERO} - {"held_out"}
    number = own_metric(baseline)
    for judged_on in floorless:
        place = number.name if judged_on == "metric" and number is not None else ""
        baseline.add(Fact.of(facts.Floorless(), 0, place))
    return _again(candidates, baseline) if floorless else candidates


def _again(candidates: Sequence[Candidate], baseline: Record) -> list[Candidate]:
    return [c if c.record is None else _judged(replace(c, reason=""), c.record, baseline) for c in candidates]


def _judged(candidate: Candidate, record: Record, baseline: Record) -> Candidate:
    judged_on = candidate.prescription.judged_on
    same_examples = not baseline.fact(facts.Varies) and candidate.prescription.same_batches
    remakes = candidate.prescription.remakes if same_examples else None
    reason = missing_effect(candidate.prescription, record, baseline)
    reason = reason or incomparable(record, baseline, judged_on, same_examples=same_examples, remakes=remakes)
    if not candidate.prescription.of_fact and judged_on != "metric" and baseline.fact(facts.OwnSelection) is not None:
        reason = reason or OWN_SELECTION
    value = float("nan") if reason else yardstick(record, judged_on, baseline)[1]
    before = yardstick(baseline, judged_on)[1]
    all_alike = has_opponents(baseline) and judged_on != "metric"  # all that stand are
    known = value if all_alike else reference(before, baseline, judged_on)
    return replace(candidate, record=record, value=value, before=before, reference=known, reason=reason)


def _to_keep_up_with(baseline: Record, prescription: Prescription) -> Record | None:
    return baseline if prescription.judged_on in ("fixed", "spread") else None


def incomparable(
    record: Record,
    baseline: Record,
    judged_on: JudgedOn = "fixed",
    *,
    same_examples: bool = True,
    remakes: Collection[Remade] | None = None,
    told: Record | None = None,
) -> str:
    """Return why two runs cannot be compared, or nothing. `same_examples`: whether they are to be shown the same.

    remakes: what the change makes otherwise by design, as `other_task` has it; None where the task is not compared.
    told: the run in which it is known how the script's own numbers read; `baseline` where none is given.
    """
    if record.ending is not None and record.ending.reason == "failed":
        return "the changed script fails: " + _cause(record)
    if (
        baseline.role == "trial_run"
        and baseline.ending
        and baseline.ending.reason == "failed"
        and not diverged(baseline, "0")
    ):
        return "the script as it is fails under another seed: " + _cause(baseline)
    if record.ending is None:
        return ""  # given up early: that is a result
    if record.ending.reason == "killed":
        return f"the changed script was killed by signal {record.ending.status - 128}: out of memory, perhaps"
    if remakes is not None and (reason := other_task(record, baseline, remakes, told or baseline)):
        return reason
    if judged_on == "metric":
        if _comes_below_zero(record, told or baseline):
            return BELOW_ZERO
        return "" if isfinite(yardstick(record, judged_on, told or baseline)[1]) else NOT_PRINTED
    return _otherwise_judged(record, baseline, judged_on, same_examples, told or baseline)


def _comes_below_zero(record: Record, baseline: Record) -> bool:
    """Whether the script's own number is an error in the baseline, and none here; what it is unlearnt is known."""
    metric = own_metric(baseline)
    return metric is not None and metric.kind == "error" and isfinite(metric.untrained) and metric.end(record) < 0


def _otherwise_judged(record: Record, baseline: Record, judged_on: JudgedOn, same_examples: bool, told: Record) -> str:
    """Return why the costs of two runs that have come to an end cannot be compared, or nothing."""
    if has_opponents(baseline) and not has_exploded(baseline):
        return OPPONENTS
    if (
        judged_on == "held_out"
        and record.ending
        and record.ending.reason in ("finished", "window")
        and not len(record.held_out(baseline))
    ):
        return "it ends before its held-out data are evaluated"
    if not all(run.places(YARDSTICKS[judged_on]) for run in (record, baseline)):
        return ""  # one has diverged before it was judged: that is a result
    if judged_on != "training" and yardstick(record, baseline=told)[0] != yardstick(baseline, baseline=told)[0]:
        return "the change alters what it would be judged by"
    what, ends = yardstick(baseline, judged_on)[0], [yardstick(r, judged_on, told)[1] for r in (record, baseline)]
    if (judged_on == "held_out" or is_own_loss(judged_on, what)) and min(ends) <= 0:
        return BELOW_ZERO
    if not same_examples or judged_on not in ("fixed", "median"):
        return ""
    return "" if were_shown_alike(record, baseline) else OTHER_EXAMPLES


def were_shown_alike(record: Record, baseline: Record) -> bool:
    """Whether the first batches of two runs have the same targets; so, too, where neither could be replayed."""
    seen, expected = record.fact(facts.Monitor), baseline.fact(facts.Monitor)
    return (seen and seen.digest) == (expected and expected.digest)


def _cause(record: Record) -> str:
    assert record.ending is not None
    return cause_of(record.ending.error) or f"status {record.ending.status}"


def horizon(baseline: Record, judged_on: JudgedOn = "fixed") -> int:
    """Return how many steps a trial run takes: as many as the baseline, or its backward passes where it never stepped.

    What a script prints of its own accord it may print behind its last step, of which there may be some more where
    its data are drawn by chance: then there is room for these.
    """
    passes = baseline.fact(facts.Passes)
    steps = baseline.steps or (passes.backward if passes else 0)
    is_over = baseline.ending is not None and baseline.ending.reason == "finished"
    return steps + (max(1, int(ROOM * steps)) if judged_on == "metric" and is_over else 0)
