"""Does an edit of how the data are made change what is trained on, and leave alone what the script measures itself by?

A script may make training and test data by one statement. Without a network's learning a number says of the data
alone what it says: where it stays the same to the last digit, so have the data that it is measured on.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isclose, isfinite, nan

from descend.doctor.course.own_metric import HALVED, is_at_chance, own_metric
from descend.doctor.record import Record, facts
from descend.doctor.trials.candidate import Candidate, horizon
from descend.doctor.trials.same_task import is_evaluated_alike
from descend.doctor.trials.study import Job, Study

MOVED = frozenset({"transpose", "partner_too"})  # remedies by which each value comes to stand in another place
SAME = 1e-6  # of itself: what the order of a sum may change
NO_DATA = "the training is given the same data without it"
TOUCHED = "what the script measures itself by is made otherwise by it, too: a better number need not mean anything"


def with_the_same_measure(candidates: Sequence[Candidate], study: Study) -> Sequence[Candidate]:
    """Return them, those that help by another measure, or change none of the data, as not to be judged."""
    baseline = study.baseline
    found = [c for c in candidates if c.helps and c.prescription.at and c.prescription.at[0] == "prepared"]
    other = [
        c
        for c in found
        if {*MOVED, "leave_out"}.issuperset(c.prescription.remedies) and _are_alike(c, baseline, _content)
    ]
    candidates = [replace(c, value=float("nan"), reason=NO_DATA) if c in other else c for c in candidates]
    found = [c for c in found if c not in other]
    # Of the same targets the same number says the same: no value is lost or won where each stands in another place.
    found = [c for c in found if not MOVED.issuperset(c.prescription.remedies) or not _are_alike(c, baseline, _targets)]
    found += [c for c in candidates if c not in other and _may_remake_the_measure(c, baseline)]
    if not found:
        return candidates
    asked = [
        Job(c.script, baseline.seed, horizon(baseline, "metric"), trains=False) for c in found if c.script is not None
    ]
    changed = study.run(asked)
    before = _untrained(study)
    other = [c for c, idle in zip(found, changed) if not _is_fair(c, before, idle, baseline)]
    return [replace(c, value=float("nan"), reason=TOUCHED) if c in other else c for c in candidates]


def _may_remake_the_measure(candidate: Candidate, baseline: Record) -> bool:
    """Whether what gives the loss other targets may give them to the evaluation, too: it was not seen to have its own.

    Then the number is asked for that is printed without learning.
    """
    p, record = candidate.prescription, candidate.record
    if not candidate.helps or p.judged_on != "metric" or "targets" not in p.remakes or record is None:
        return False
    return not is_evaluated_alike(record, baseline)


def _are_alike(candidate: Candidate, baseline: Record, part: Callable[[facts.Monitor], str]) -> bool:
    """Whether a part of the first batches, their targets or all that they hold, is known to be the same."""
    before = baseline.fact(facts.Monitor)
    after = candidate.record.fact(facts.Monitor) if candidate.record is not None else None
    return before is not None and after is not None and part(before) == part(after)


def _targets(monitor: facts.Monitor) -> str:
    return monitor.digest


def _content(monitor: facts.Monitor) -> str:
    return monitor.content


def _keeps_targets(candidate: Candidate, baseline: Record) -> bool:
    """Whether the evaluation's targets were seen to be the same, or the source shows that the edit keeps their values.

    A number without learning does not tell: where all outputs are alike it is the same for any targets.
    """
    at = candidate.prescription.at
    place = baseline.fact(facts.Prepared, at[1]) if at is not None else None
    return place is not None and place.is_followed or is_evaluated_alike(candidate.record or Record(), baseline)


def _untrained(study: Study) -> float:
    """Return what the script prints without learning; another run tells it where the baseline does not."""
    baseline = study.baseline
    metric = own_metric(baseline)
    if metric is None or isfinite(metric.untrained):
        return nan if metric is None else metric.untrained
    return metric.end(study.run([Job(study.script, baseline.seed, horizon(baseline, "metric"), trains=False)])[0])


def _is_fair(candidate: Candidate, before: float, changed: Record, baseline: Record) -> bool:
    """Whether the measure is the same, or nothing could be learnt by the script's, and by this one it is."""
    metric = own_metric(baseline)
    if metric is None or candidate.record is None:
        return False
    after = metric.end(changed)
    is_same = isclose(before, after, rel_tol=SAME)
    if "targets" in candidate.prescription.remakes:
        return is_same
    if not _keeps_targets(candidate, baseline):
        return False
    if is_same:
        return True
    has_learnt = metric.cost(metric.end(candidate.record)) < HALVED * metric.cost(after)
    return is_at_chance(baseline, metric) is True and has_learnt
