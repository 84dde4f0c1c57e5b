"""Wrong labels: every example has the same label, or labels are outside the range that the loss accepts."""

from math import log

from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound, Count

SOURCE = "torch.nn.CrossEntropyLoss, torch.nn.BCELoss: which targets the loss is defined for"
SUM = Bound(0.01, "off 1, of the sum of an example's targets", "chosen: more than round-off makes of it")
BINARY = Count(2, "values that a binary label has", "of more values labels are numbers of classes")
LEAST = Count(32, "labels", "chosen: fewer may be alike by chance")
SATISFIED = Bound(
    0.1,
    "of the cost of guessing among the classes",
    "chosen: one answer for all examples meets constant labels at no cost; where it costs more, the label is the place "
    "of the right candidate among others, as in contrastive losses (Oord et al. 2018, eq. 4)",
)


def labels_wrong(record: Record) -> Sign | None:
    """Constant labels in all batches, binary labels outside [0, 1], or targets that are no distribution."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.task not in ("classes", "binary"):
        return _refused_by_the_loss(record)
    low, high, sums = targets.min, targets.max, (targets.row_sum_min, targets.row_sum_max)
    if given.task == "classes" and not given.by_hand and not (1 - SUM < sums[0] and sums[1] < 1 + SUM):
        worst = max(sums, key=lambda value: abs(value - 1))
        sentence = f"the targets are to be distributions over the classes, and those of one example sum to {worst:.3g}"
        return _symptom(record, sentence, "sum of an example's targets", worst, 1.0)
    if given.task == "binary" and (low < 0 or high > 1):
        if is_class_number(targets):
            return None  # the labels are right, for another loss
        sentence = (
            f"the labels run from {low:g} to {high:g}: the loss is defined for [0, 1], and has no least value here"
        )
        wrong = ("smallest label", low, 0.0) if low < 0 else ("largest label", high, 1.0)
        return _symptom(record, sentence, *wrong)
    counts: dict[str, int] = {}
    for batch in record.history(facts.Batch):
        for label, count in batch.fact.labels.items():
            counts[label] = counts.get(label, 0) + count
    is_constant = len(counts) == 1 and sum(counts.values()) >= LEAST and low == high
    if is_constant and len(record.every(facts.Optimizer)) <= 1 and _one_answer_is_enough(record, given):
        label = next(iter(counts))
        sentence = f"all {sum(counts.values())} labels that were looked at are {label}: there is nothing to tell apart"
        return _symptom(record, sentence, "classes seen", 1.0, 2.0)
    return _refused_by_the_loss(record)


def _one_answer_is_enough(record: Record, given: facts.LossInput) -> bool:
    """Whether the same answer for all examples costs next to nothing; where that is unknown, whether the run does."""
    known = record.fact(facts.Reachability)
    cost = record.series("yardstick", yardstick_place(record)).last if known is None else known.constant
    return cost < SATISFIED * log(max(2, given.classes))


def is_class_number(targets: facts.Targets) -> bool:
    """Whether the targets of a binary loss are the numbers 0, 1, 2, ... of three classes or more."""
    return targets.whole_values > BINARY and targets.min == 0


def _refused_by_the_loss(record: Record) -> Sign | None:
    """A label that the loss has raised on."""
    error = record.ending.error if record.ending else ""
    last = (error.strip().splitlines() or [""])[-1]
    if ("Target" in last and "out of bounds" in last) or "elements of target should be between" in last:
        return _symptom(record, f"the loss refuses a label: {last}", "label", float("nan"), float("nan"))
    return None


def _symptom(record: Record, sentence: str, quantity: str, value: float, bound: float) -> Sign:
    return Ruin(
        certain=True,
        sentence=sentence,
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site("loss") or record.site("loader", "0"),
    )
