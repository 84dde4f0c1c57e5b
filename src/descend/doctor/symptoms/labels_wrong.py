"""Wrong labels: every example has the same label, or labels are outside the range that the loss accepts.

If all labels are equal, the output's bias alone predicts them: the loss falls to 0, and nothing about the inputs is
learned. Cross-entropy, −log p(y), is defined for the labels 0 to C − 1 only. Labels that count from 1 leave output 0
without examples, and the last class has no output.
"""

from math import log

from descend.core.bound import Bound, Count
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.remedy_arguments.losses import multi_label_loss
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.CrossEntropyLoss, torch.nn.BCELoss: the documentation says for which targets each loss is defined"
SUM = Bound(
    0.01,
    "difference between the sum of an example's targets and 1",
    "chosen: rounding errors of the sum are smaller than this",
)
BINARY = Count(2, "values of a binary label", "labels with more than two different values are class indices")
LEAST = Count(32, "labels", "chosen: if there are fewer labels, they may all be equal by chance")
SATISFIED = Bound(
    0.1,
    "share of the cost of guessing the class at random",
    "chosen: a constant prediction of constant labels costs nothing. If it costs more, the label is the position of "
    "the right candidate, as in contrastive losses (Oord et al. 2018, eq. 4)",
)

PROBLEM = Problem(
    id="labels_wrong",
    kind="wiring",
    title="labels are wrong",
    consequences=frozenset({"output_loss_mismatch"}),
    remedies=(
        RemedyEntry(
            "matching_loss",
            multi_label_loss,
            "use {loss} as the loss",
            "an example may then have several labels, and each is predicted separately",
            phrases.OUTPUT_LAYER_SOURCE,
        ),
    ),
    advice="Look at a few labels together with their examples, and at the line that creates the labels.",
    example=CodeExample(
        faulty="loss_fn = nn.BCEWithLogitsLoss()\nloss = loss_fn(outputs, labels)  # the labels are -1 and 1",
        fixed="loss_fn = nn.BCEWithLogitsLoss()\nloss = loss_fn(outputs, (labels + 1) / 2)  # 0 and 1",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report constant labels, labels that the loss does not accept, or class probabilities that do not sum to 1."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.task not in (Task.CLASSES, Task.BINARY):
        return _report_rejected_label(record)
    low, high, sums = targets.min, targets.max, (targets.row_sum_min, targets.row_sum_max)
    if given.task == Task.CLASSES and not given.by_hand and not (1 - SUM < sums[0] and sums[1] < 1 + SUM):
        worst = max(sums, key=lambda value: abs(value - 1))
        sentence = f"the targets should be class probabilities, but those of one example sum to {worst:.3g}"
        return _symptom(record, sentence, "sum of an example's targets", worst, 1.0)
    if given.task == Task.BINARY and (low < 0 or high > 1):
        if are_class_indices(targets):
            return None  # Class indices fit another loss, so `output_loss_mismatch` reports them.
        sentence = (
            f"the labels range from {low:g} to {high:g}, but the loss is defined for [0, 1] and unbounded elsewhere"
        )
        wrong = ("smallest label", low, 0.0) if low < 0 else ("largest label", high, 1.0)
        return _symptom(record, sentence, *wrong)
    counts: dict[str, int] = {}
    for batch in record.history(facts.Batch):
        for label, count in batch.fact.labels.items():
            counts[label] = counts.get(label, 0) + count
    is_constant = len(counts) == 1 and sum(counts.values()) >= LEAST and low == high
    if is_constant and len(record.every(facts.Optimizer)) <= 1 and _constant_prediction_suffices(record, given):
        label = next(iter(counts))
        sentence = (
            f"all {sum(counts.values())} labels in the recorded batches are {label}, so there is nothing to learn"
        )
        return _symptom(record, sentence, "classes seen", 1.0, 2.0)
    return _report_rejected_label(record)


def _constant_prediction_suffices(record: Record, given: facts.LossInput) -> bool:
    """Return whether a constant prediction has a loss of almost 0; if that is unknown, whether the final loss has."""
    known = record.fact(facts.Reachability)
    cost = record.series("metric", evaluation_metric(record)).last if known is None else known.constant
    return cost < SATISFIED * log(max(2, given.classes))


def are_class_indices(targets: facts.Targets) -> bool:
    """Return whether the targets of a binary loss are class indices 0, 1, 2, … of at least three classes."""
    return targets.whole_values > BINARY and targets.min == 0


def _report_rejected_label(record: Record) -> Detection | None:
    """Report a label that the loss function rejected, if the last line of the script's traceback says so."""
    error = record.ending.error if record.ending else ""
    last = (error.strip().splitlines() or [""])[-1]
    if ("Target" in last and "out of bounds" in last) or "elements of target should be between" in last:
        return _symptom(record, f"the loss does not accept a label: {last}", "label", float("nan"), float("nan"))
    return None


def _symptom(record: Record, sentence: str, quantity: str, value: float, bound: float) -> Detection:
    """Return the symptom of wrong labels from a sentence and a measured quantity with its value and limit."""
    return FatalDetection(
        certain=True,
        sentence=sentence,
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site(SiteKind.LOSS) or record.site(SiteKind.LOADER, "0"),
    )
