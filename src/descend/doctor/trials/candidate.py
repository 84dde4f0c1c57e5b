"""A candidate: a remedy applied to the script, run once with the baseline's seed and compared with the baseline."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.logged_metric import main_metric
from descend.doctor.assess.opponents import has_exploded, has_opponents
from descend.doctor.assess.summary import summarise
from descend.doctor.record import Fact, Record, facts
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.record.facts import Remade
from descend.doctor.remedies import JudgedOn, Prescription
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.script.script import Script
from descend.doctor.trials.effect import NO_EFFECT, no_effect_message
from descend.doctor.trials.evaluation_metric import METRIC_SERIES, final_cost, is_training_loss, metric_name
from descend.doctor.trials.run_times import observed_steps
from descend.doctor.trials.same_task import (
    OTHER_EVALUATION,
    OTHER_TARGETS,
    other_task_message,
    targets_depend_on_weights,
)
from descend.doctor.trials.statistics import LARGER_MINIMUM_EFFECT, MINIMUM_EFFECT, shows_gain
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Part, edit_key

OTHER_EXAMPLES = "the changed script trained on different examples, so its cost cannot be compared"
SELF_SELECTED_LOSS = "the network itself selects the examples in its loss, so the loss does not measure its quality"
OPPOSING_OPTIMIZER = "the loss depends on a second optimizer with its own loss, so it cannot show whether a fix works"
NEGATIVE_COST = "the loss falls to zero or below, so a gain cannot be expressed as a share of the loss"
OUT_OF_TIME = "the time of --budget was over before its trial"
METRIC_NOT_LOGGED = "the changed script does not log a finite value of its evaluation metric"
LOSS_METRICS: tuple[JudgedOn, ...] = ("fixed", "spread", "training")
EXTRA_STEPS = 0.1  # Additional share of steps for a trial, because randomly drawn examples may lead to more steps.


@dataclass(frozen=True, repr=False)
class Candidate:
    """A script with the edits of one or more remedies, and the result of running it once."""

    prescription: Prescription
    script: Script | None  # the edited script; None if the remedy cannot edit the script
    record: Record | None = None
    value: float = float("nan")  # cost at the end of the run, in the evaluation metric
    before: float = float("nan")  # cost at the end of the baseline run, in the evaluation metric
    reference_cost: float = 1.0  # cost by which `value` is divided to get `remaining_cost`
    reason: str = ""  # why the candidate cannot be run or compared; "" if it can
    parts: tuple["Candidate", ...] = ()  # candidates that this one combines, in the order of their edits
    # candidate with the same remedy but without the tuned learning rate; None if this one is not tuned
    untuned: "Candidate | None" = None
    requested_by: tuple[Prescription, ...] = ()  # all prescriptions whose edits result in this source

    def __repr__(self) -> str:
        result = self.reason or f"cost {self.before:.3g} → {self.value:.3g}"
        return f"<Candidate {self.prescription.label!r}: {result}>"

    @property
    def edit_id(self) -> Hashable:
        """A hashable value that is equal for candidates with the same edited source."""
        return edit_key(self.script, self.prescription.label, self.reason)

    @property
    def prescriptions(self) -> tuple[Prescription, ...]:
        """All prescriptions that lead to this edited source. The label of the first one is shown."""
        return self.requested_by or (self.prescription,)

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The ids of the problems that the remedy was prescribed for, without repetition."""
        return tuple(dict.fromkeys((self.prescription.symptom, *(p.symptom for p in self.requested_by))))

    @property
    def invasiveness(self) -> int:
        """How invasive the edit is: 1 for a number, 2 for a statement, 3 for another optimizer."""
        return self.prescription.cost

    @property
    def shows_gain(self) -> bool:
        """Whether the final cost is lower than that of the baseline run by at least the minimum effect."""
        return shows_gain(self.before, self.value, self.least_gain)

    @property
    def is_untried(self) -> bool:
        """Whether the candidate was left out because too little time was left."""
        return self.reason == OUT_OF_TIME

    @property
    def has_no_effect(self) -> bool:
        """Whether the edit changed nothing in the run, for example because a later line overrides it."""
        return self.reason.startswith(NO_EFFECT)

    @property
    def applied_parts(self) -> tuple[Part, ...]:
        """The prescriptions that the candidate combines, each with the source text for which it was made."""
        examined = self.script.examined if self.script is not None else {}
        return tuple(Part(one.prescription, examined) for one in self.parts or (self,))

    @property
    def least_gain(self) -> float:
        """The share by which the edit must lower the final cost of the baseline run to count as a gain."""
        p = self.prescription
        return LARGER_MINIMUM_EFFECT if p.times > 1 or p.adds_parameters or p.much else MINIMUM_EFFECT

    @property
    def remaining_cost(self) -> float:
        """The final cost divided by `reference_cost`, which is usually the final cost of the baseline run."""
        return self.value / self.reference_cost


def reference_cost(before: float, baseline: Record, judged_on: JudgedOn) -> float:
    """Return the lower one of two costs: of the baseline run at its end and of an untrained network; 1 if unknown.

    A diverged baseline costs far more than a network that has learned nothing, so its cost alone would be misleading.
    """
    constant = constant_cost(baseline) if judged_on == "fixed" else None
    if judged_on == "metric" and (metric := main_metric(baseline)) and isfinite(metric.untrained):
        constant = metric.cost(metric.untrained)
    least = min(before if isfinite(before) else inf, constant or inf)
    return least if 0 < least < inf else 1.0


def run_candidates(candidates: Sequence[Candidate], study: Study, *, before_proof: bool = False) -> list[Candidate]:
    """Run each candidate's edited script. Return the candidates, each with its cost or the reason why it has none.

    before_proof: whether the runs are left out if too little time would be left for a proof.
    """
    baseline = study.baseline
    scripts = [(c.script, c.prescription) for c in candidates if c.script is not None and not c.reason]
    jobs = [_trial_job(script, prescription, baseline) for script, prescription in scripts]
    records = iter(study.run_in_time(jobs, before_proof=before_proof))
    judged = [c if c.script is None or c.reason else _add_result(c, next(records), baseline) for c in candidates]
    return _judge_negative_costs(judged, baseline)


def _trial_job(script: Script, p: Prescription, baseline: Record) -> Job:
    """Return the job that runs an edited script with the baseline's seed for the prescribed number of steps."""
    return Job(
        script,
        baseline.seed,
        p.steps(trial_steps(baseline, p.judged_on)),
        baseline if p.judged_on in ("fixed", "spread") else None,
        spread=p.judged_on == "spread",
    )


def judge_unpaired(candidates: Sequence[Candidate], study: Study) -> Sequence[Candidate]:
    """Compare candidates despite different examples or targets, if these differ between unedited runs as well.

    The unchanged script is run again with the same seed. If its examples differ from those of the baseline, no two
    runs can be paired, and their spread over the seeds decides. If its targets change when no weight is updated,
    they depend on the trained weights, so every edit changes them; an edit of the data preparation may do so anyway.
    """
    baseline = study.baseline
    other_tasks = [c for c in candidates if c.reason in (OTHER_TARGETS, OTHER_EVALUATION)]
    other_tasks = [c for c in other_tasks if not c.prescription.edits_preparation]
    if not other_tasks and not any(c.reason == OTHER_EXAMPLES for c in candidates):
        return candidates
    again = study.run([Job(study.script, baseline.seed, trial_steps(baseline))])[0]
    if again.fact(facts.Monitor) is not None and not have_same_batches(again, baseline):
        baseline.add(Fact.of(facts.DiffersBetweenRuns(), 0))
        return _repeat_comparisons(candidates, baseline)
    untrained = [Job(study.script, baseline.seed, trial_steps(baseline), trains=False)] if other_tasks else []
    if not any(targets_depend_on_weights(run, baseline) for run in study.run(untrained)):
        return candidates
    baseline.add(Fact.of(facts.TargetsFollow(), 0))
    return _repeat_comparisons(candidates, baseline)


def _judge_negative_costs(candidates: list[Candidate], baseline: Record) -> list[Candidate]:
    """If the cost of a candidate is zero or negative, compare the candidates by the decrease of their costs instead."""
    floorless = {c.prescription.judged_on for c in candidates if c.reason == NEGATIVE_COST} - {"held_out"}
    metric = main_metric(baseline)
    for judged_on in floorless:
        place = metric.name if judged_on == "metric" and metric is not None else ""
        baseline.add(Fact.of(facts.Floorless(), 0, place))
    return _repeat_comparisons(candidates, baseline) if floorless else candidates


def _repeat_comparisons(candidates: Sequence[Candidate], baseline: Record) -> list[Candidate]:
    """Compare each candidate that has run with the baseline run again, after the record of the latter has changed."""
    return [c if c.record is None else _add_result(replace(c, reason=""), c.record, baseline) for c in candidates]


def _add_result(candidate: Candidate, record: Record | None, baseline: Record) -> Candidate:
    """Return the candidate with its run and its final cost, or with the reason why it cannot be compared."""
    if record is None:
        return replace(candidate, reason=OUT_OF_TIME)
    judged_on = candidate.prescription.judged_on
    same_examples = not baseline.fact(facts.DiffersBetweenRuns) and candidate.prescription.same_batches
    remakes = candidate.prescription.remakes if same_examples else None
    reason = no_effect_message(candidate.prescription, record, baseline)
    reason = reason or incomparable_message(record, baseline, judged_on, same_examples=same_examples, remakes=remakes)
    is_self_selected = baseline.fact(facts.SelectedExamplesLoss) is not None and judged_on != "metric"
    if is_self_selected and not candidate.prescription.of_fact:
        reason = reason or SELF_SELECTED_LOSS
    value = float("nan") if reason else final_cost(record, judged_on, baseline)
    before = final_cost(baseline, judged_on)
    # With opposing optimizers, such as those of a GAN, a finite loss does not show how good a fix is.
    # All candidates that do not diverge then count as equally good.
    all_equal = has_opponents(baseline) and judged_on != "metric"
    reference = value if all_equal else reference_cost(before, baseline, judged_on)
    return replace(candidate, record=record, value=value, before=before, reference_cost=reference, reason=reason)


def incomparable_message(
    record: Record,
    baseline: Record,
    judged_on: JudgedOn = "fixed",
    *,
    same_examples: bool = True,
    remakes: Collection[Remade] | None = None,
    metric_run: Record | None = None,
) -> str:
    """Return why the run of an edited script cannot be compared with the baseline run; "" if it can.

    same_examples: whether both runs should train on the same examples. remakes: the data that the edit changes by
    design; None if the tasks are not compared. metric_run: the run that shows how to read the logged metric;
    `baseline` by default.
    """
    if record.ending is not None and record.ending.reason == EndReason.FAILED:
        return "the changed script fails: " + _failure_cause(record)
    if (
        baseline.role == Role.TRIAL_RUN
        and baseline.ending
        and baseline.ending.reason == EndReason.FAILED
        and not summarise(baseline).diverged("0")
    ):
        return "the unchanged script fails with a different seed: " + _failure_cause(baseline)
    if record.ending is None:
        return ""  # A trial run that was stopped early counts as diverged.
    if record.ending.reason == EndReason.KILLED:
        return f"the changed script was killed by signal {record.ending.status - 128}, perhaps because memory ran out"
    if remakes is not None and (reason := other_task_message(record, baseline, remakes, metric_run or baseline)):
        return reason
    if judged_on == "metric":
        if _error_becomes_negative(record, metric_run or baseline):
            return NEGATIVE_COST
        return "" if isfinite(final_cost(record, judged_on, metric_run or baseline)) else METRIC_NOT_LOGGED
    return _incomparable_losses_message(record, baseline, judged_on, same_examples, metric_run or baseline)


def _error_becomes_negative(record: Record, baseline: Record) -> bool:
    """Return whether the logged metric is an error, which cannot be negative, but is negative in the changed run."""
    metric = main_metric(baseline)
    return (
        metric is not None and metric.kind == "error" and isfinite(metric.untrained) and metric.last_value(record) < 0
    )


def _incomparable_losses_message(
    record: Record, baseline: Record, judged_on: JudgedOn, same_examples: bool, metric_run: Record
) -> str:
    """Return why the losses of two runs that ended normally cannot be compared; "" if they can."""
    if has_opponents(baseline) and not has_exploded(baseline):
        return OPPOSING_OPTIMIZER
    if (
        judged_on == "held_out"
        and record.ending
        and record.ending.reason in (EndReason.FINISHED, EndReason.WINDOW)
        and not len(record.held_out(baseline))
    ):
        return "the changed script ends before its evaluation on held-out data"
    if not all(run.places(METRIC_SERIES[judged_on]) for run in (record, baseline)):
        return ""  # A run without any evaluation counts as diverged.
    names = [metric_name(run, baseline=metric_run) for run in (record, baseline)]
    if judged_on != "training" and names[0] != names[1]:
        return "the edit changes the evaluation metric itself"
    name = metric_name(baseline, judged_on)
    costs = [final_cost(run, judged_on, metric_run) for run in (record, baseline)]
    if (judged_on == "held_out" or is_training_loss(judged_on, name)) and min(costs) <= 0:
        return NEGATIVE_COST
    if not same_examples or judged_on not in ("fixed", "median"):
        return ""
    return "" if have_same_batches(record, baseline) else OTHER_EXAMPLES


def have_same_batches(record: Record, baseline: Record) -> bool:
    """Return whether the first batches of two runs have equal targets; True if neither run recorded its batches."""
    seen, expected = record.fact(facts.Monitor), baseline.fact(facts.Monitor)
    return (seen and seen.digest) == (expected and expected.digest)


def _failure_cause(record: Record) -> str:
    """Return the last line of the error message of a failed run, or its exit status without a message."""
    assert record.ending is not None
    return exception_line(record.ending.error) or f"status {record.ending.status}"


def trial_steps(baseline: Record, judged_on: JudgedOn = "fixed") -> int:
    """Return the number of steps of a trial: as many as the baseline run has steps or, without steps, backward passes.

    A script may log its metric after the last step. If its data are drawn at random, a trial may have more steps than
    the baseline, so a trial that is decided by the logged metric may run a tenth longer.
    """
    steps = observed_steps(baseline)
    has_finished = baseline.ending is not None and baseline.ending.reason == EndReason.FINISHED
    return steps + (max(1, int(EXTRA_STEPS * steps)) if judged_on == "metric" and has_finished else 0)
