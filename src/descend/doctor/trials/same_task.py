"""Whether a trial was given the same task as the baseline: the same targets, and the same data to be evaluated on.

A change that gives itself easier targets gains by any measure. So what judges is not asked before this is known.
"""

from collections.abc import Collection

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade

OTHER_TARGETS = "it changes the task: other targets"
OTHER_EVALUATION = "it changes the task: the evaluation has other targets"
OTHER_INPUTS = "it changes the task: the evaluation has other inputs"


def other_task(record: Record, baseline: Record, remakes: Collection[Remade], examined: Record) -> str:
    """Return why a run was not given the task of another one under the same seed, or nothing.

    remakes: what the change makes otherwise by design. examined: the run in which it is known whether the examples
    vary from run to run. Where the random streams were elsewhere, other data may be other draws of the same task.
    """
    if examined.fact(facts.Varies) is not None or examined.fact(facts.TargetsFollow) is not None or "pairs" in remakes:
        return ""
    if "targets" not in remakes and _has_other_targets(record, baseline):
        return OTHER_TARGETS
    if "evaluation" in remakes:
        return ""
    for before, after in _evaluations(record, baseline):
        if _differ(before.targets, after.targets):
            return OTHER_EVALUATION
        if "inputs" not in remakes and _differ(before.inputs, after.inputs):
            return OTHER_INPUTS
    return ""


def is_evaluated_alike(record: Record, baseline: Record) -> bool:
    """Whether an evaluation of both was seen to have the same targets, and none to have others."""
    seen = [(before.targets, after.targets) for before, after in _evaluations(record, baseline)]
    known = [before == after for before, after in seen if before and after]
    return bool(known) and all(known)


def targets_follow(untrained: Record, baseline: Record) -> bool:
    """Whether a run that learns nothing has other targets: then they depend on what is trained."""
    return _has_other_targets(untrained, baseline) or any(
        _differ(before.targets, after.targets) for before, after in _evaluations(untrained, baseline)
    )


def _has_other_targets(record: Record, baseline: Record) -> bool:
    before, after = baseline.fact(facts.Monitor), record.fact(facts.Monitor)
    if before is None or after is None or not before.random or before.random != after.random:
        return False
    is_known = bool(before.targets and after.targets) and before.batches == after.batches
    return is_known and before.targets != after.targets


def _evaluations(record: Record, baseline: Record) -> list[tuple[facts.EvaluationData, facts.EvaluationData]]:
    """Return what each evaluation of both runs was of, where it began at the same place of the random streams."""
    before, after = baseline.every(facts.EvaluationData), record.every(facts.EvaluationData)
    both = [(before[place], after[place]) for place in before if place in after]
    return [(b, a) for b, a in both if b.random == a.random]


def _differ(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether as many tensors are others: of another number of them it is not known which takes the place of which."""
    return len(before) == len(after) and before != after
