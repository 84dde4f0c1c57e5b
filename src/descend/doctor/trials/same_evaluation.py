"""Check that an edit of the data preparation changes the training data and leaves the logged metric comparable.

One statement of a script may make training and test data. The metric of an untrained network depends on the data
alone. If an edit leaves the untrained metric the same to the last digit, the evaluation data are the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isclose, isfinite, nan
from operator import attrgetter

from descend.doctor.assess.logged_metric import HALVED, is_at_chance, main_metric
from descend.doctor.record import Record, facts
from descend.doctor.trials.candidate import Candidate, trial_steps
from descend.doctor.trials.same_task import has_same_evaluation_targets, has_same_training_targets
from descend.doctor.trials.study import Job, Study

REORDERING_REMEDIES = frozenset({"transpose", "partner_too"})  # remedies that only reorder the values of a tensor
SAME = 1e-6  # relative difference that rounding can cause if numbers are added in a different order
DATA_UNCHANGED = "the edit does not change the training data"
EVALUATION_CHANGED = "the edit also changes the data of the logged metric, so a better value may mean nothing"


def reject_changed_evaluations(candidates: Sequence[Candidate], study: Study) -> Sequence[Candidate]:
    """Reject candidates that change the data of the evaluation, or that leave the training data unchanged."""
    baseline = study.baseline
    found = [c for c in candidates if c.shows_gain and c.prescription.edits_preparation]
    rejected = [
        c
        for c in found
        if {*REORDERING_REMEDIES, "leave_out"}.issuperset(c.prescription.remedies)
        and _has_equal_batches(c, baseline, attrgetter("content"))
    ]
    candidates = [replace(c, value=float("nan"), reason=DATA_UNCHANGED) if c in rejected else c for c in candidates]
    found = [c for c in found if c not in rejected]
    # If an edit only reorders values and keeps the training targets, the evaluation targets cannot change either.
    found = [
        c
        for c in found
        if not REORDERING_REMEDIES.issuperset(c.prescription.remedies)
        or not _has_equal_batches(c, baseline, attrgetter("digest"))
    ]
    found += [c for c in candidates if c not in rejected and _may_change_evaluation_targets(c, baseline)]
    if not found:
        return candidates
    steps = trial_steps(baseline, "metric")
    jobs = [Job(c.script, baseline.seed, steps, trains=False) for c in found if c.script is not None]
    changed = study.run(jobs)
    before = _untrained_metric(study)
    rejected = [c for c, untrained in zip(found, changed) if not _is_comparison_fair(c, before, untrained, baseline)]
    return [replace(c, value=float("nan"), reason=EVALUATION_CHANGED) if c in rejected else c for c in candidates]


def _may_change_evaluation_targets(candidate: Candidate, baseline: Record) -> bool:
    """Return whether an edit of the training targets may also have changed the targets of the evaluation.

    That is so if the evaluation's targets were not recorded. Then the untrained metric has to be compared.
    """
    p, record = candidate.prescription, candidate.record
    if not candidate.shows_gain or p.judged_on != "metric" or "targets" not in p.remakes or record is None:
        return False
    return not has_same_evaluation_targets(record, baseline)


def _has_equal_batches(candidate: Candidate, baseline: Record, part: Callable[[facts.Monitor], str]) -> bool:
    """Return whether a part of the first batches, such as their targets, is equal in the two runs."""
    before = baseline.fact(facts.Monitor)
    after = candidate.record.fact(facts.Monitor) if candidate.record is not None else None
    return before is not None and after is not None and part(before) == part(after)


def _keeps_targets(candidate: Candidate, baseline: Record) -> bool:
    """Return whether an edit keeps the targets: it only reorders values, or the recorded targets are the same.

    The untrained metric cannot show this: if all outputs are equal, it is the same for any targets.
    """
    at = candidate.prescription.at
    place = baseline.fact(facts.Prepared, at[1]) if at is not None else None
    record = candidate.record or Record()
    return (
        place is not None
        and place.reorders
        or has_same_training_targets(record, baseline)
        or has_same_evaluation_targets(record, baseline)
    )


def _untrained_metric(study: Study) -> float:
    """Return the value of the logged metric for an untrained network; run the script without training if needed."""
    baseline = study.baseline
    metric = main_metric(baseline)
    if metric is None or isfinite(metric.untrained):
        return nan if metric is None else metric.untrained
    job = Job(study.script, baseline.seed, trial_steps(baseline, "metric"), trains=False)
    return metric.last_value(study.run([job])[0])


def _is_comparison_fair(candidate: Candidate, before: float, changed: Record, baseline: Record) -> bool:
    """Return whether an edit kept the evaluation data, or made the data learnable where the metric was at chance.

    before: the untrained metric of the unchanged script. changed: an untrained run of the edited script.
    """
    metric = main_metric(baseline)
    if metric is None or candidate.record is None:
        return False
    after = metric.last_value(changed)
    is_same = isclose(before, after, rel_tol=SAME)
    if "targets" in candidate.prescription.remakes:
        return is_same
    if not _keeps_targets(candidate, baseline):
        return False
    if is_same:
        return True
    has_learned = metric.cost(metric.last_value(candidate.record)) < HALVED * metric.cost(after)
    return is_at_chance(baseline, metric) is True and has_learned
