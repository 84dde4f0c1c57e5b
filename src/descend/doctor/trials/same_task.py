"""Check that a trial had the same task as the baseline: the same targets and the same evaluation data.

A trial with easier targets would improve every metric. So this check comes before any comparison of costs.
"""

from collections.abc import Collection

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade

OTHER_TARGETS = "the edit changes the task, because the training targets differ"
OTHER_EVALUATION = "the edit changes the task, because the evaluation targets differ"
OTHER_INPUTS = "the edit changes the task, because the evaluation inputs differ"


def other_task_message(record: Record, baseline: Record, remakes: Collection[Remade], examined: Record) -> str:
    """Return why a run has a different task than the baseline run; "" if the training and evaluation data agree.

    remakes: the data that the edit changes by design. examined: the run that shows whether the examples vary from
    run to run. Runs at different positions of their random streams are not compared: they may draw other examples.
    """
    if (
        examined.fact(facts.DiffersBetweenRuns) is not None
        or examined.fact(facts.TargetsFollow) is not None
        or "pairs" in remakes
    ):
        return ""
    if "targets" not in remakes and _has_other_targets(record, baseline):
        return OTHER_TARGETS
    if "evaluation" in remakes:
        return ""
    for before, after in _shared_evaluations(record, baseline):
        if _have_different_hashes(before.targets, after.targets):
            return OTHER_EVALUATION
        if "inputs" not in remakes and _have_different_hashes(before.inputs, after.inputs):
            return OTHER_INPUTS
    return ""


def has_same_evaluation_targets(record: Record, baseline: Record) -> bool:
    """Return whether the evaluation targets of both runs were recorded and are equal in each comparable evaluation."""
    seen = [(before.targets, after.targets) for before, after in _shared_evaluations(record, baseline)]
    known = [before == after for before, after in seen if before and after]
    return bool(known) and all(known)


def targets_depend_on_weights(untrained: Record, baseline: Record) -> bool:
    """Return whether the targets depend on the weights: they differ in a run without weight updates."""
    return _has_other_targets(untrained, baseline) or any(
        _have_different_hashes(before.targets, after.targets)
        for before, after in _shared_evaluations(untrained, baseline)
    )


def has_same_training_targets(record: Record, baseline: Record) -> bool:
    """Return whether two runs drew the same fixed training examples and recorded equal targets of them."""
    seen = _fixed_targets(record, baseline)
    return seen is not None and seen[0] == seen[1]


def _has_other_targets(record: Record, baseline: Record) -> bool:
    """Return whether the fixed training examples have different targets in two runs that drew the same examples."""
    seen = _fixed_targets(record, baseline)
    return seen is not None and seen[0] != seen[1]


def _fixed_targets(record: Record, baseline: Record) -> tuple[str, str] | None:
    """Return digests of the fixed training examples' targets; None if they are unknown or the examples may differ."""
    before, after = baseline.fact(facts.Monitor), record.fact(facts.Monitor)
    if before is None or after is None or not before.random or before.random != after.random:
        return None
    is_known = bool(before.targets and after.targets) and before.batches == after.batches
    return (before.targets, after.targets) if is_known else None


def _shared_evaluations(record: Record, baseline: Record) -> list[tuple[facts.EvaluationData, facts.EvaluationData]]:
    """Return the recorded data of the evaluations that both runs began with the same random state, in pairs."""
    before, after = baseline.every(facts.EvaluationData), record.every(facts.EvaluationData)
    both = [(before[place], after[place]) for place in before if place in after]
    return [(b, a) for b, a in both if b.random == a.random]


def _have_different_hashes(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Return whether two equally long lists of tensor hashes differ; False if their lengths differ."""
    return len(before) == len(after) and before != after
