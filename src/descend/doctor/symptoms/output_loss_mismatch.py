"""Output layer and loss disagree: the loss applies its own activation, or the output cannot reach the targets.

`CrossEntropyLoss` applies log-softmax itself. If its inputs are probabilities, it cannot fall below log(1 + (C − 1)/e)
for C classes, which is 1.46 for ten. A ReLU or a sigmoid as output cannot reach negative or large targets.
"""

from collections.abc import Callable
from math import exp, inf, log

from descend.core.bound import Bound
from descend.doctor.assess.output_ranges import ONE_SIDED, lowest_loss_on_simplex
from descend.doctor.assess.single_entry import find_output_softmax_of_one, softmax_of_one
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.remedy_arguments.dimensions import class_dimension
from descend.doctor.remedy_arguments.losses import activation_for_loss, loss_for_raw_scores, redundant_activation
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.labels_wrong import are_class_indices
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.CrossEntropyLoss: the input is expected to contain the unnormalized logits for each class"
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0)}
SUM = Bound(1e-3, "difference between a row's sum and 1", "chosen: rounding errors of the sum are smaller")
LOG_SUM = Bound(0.05, "absolute logarithm of the sum of a row", "chosen: label smoothing changes the logarithm by less")
DEAD = Bound(0.5, "share of the scores", "chosen: above this share, most scores pass no gradient back")
MARGIN = Bound(0.01, "share of the targets' range", "chosen: the output cannot fit targets farther out of its range")

_Case = tuple[str, str, float, float]  # sentence about the mismatch, measured quantity, its value and its limit

PROBLEM = Problem(
    id="output_loss_mismatch",
    kind="wiring",
    title="the output layer and the loss disagree",
    consequences=frozenset({"dead_units", "slow_progress", "plateau"}),
    remedies=(
        RemedyEntry(
            "feed_logits",
            redundant_activation,
            "remove {activation} before the loss",
            "the loss applies this activation itself, and is convex in the network's raw outputs",
            "Ba, CSC413 lecture 4, Convex Functions",
        ),
        RemedyEntry(
            "output_activation",
            activation_for_loss,
            "apply {activation} before the loss",
            "the loss is defined for the outputs of this activation",
            phrases.OUTPUT_LAYER_SOURCE,
        ),
        RemedyEntry(
            "softmax_dimension",
            class_dimension,
            "apply {activation} along the classes, dim={dim}",
            "the softmax then normalises over the classes, not over the examples of a batch",
            phrases.OUTPUT_LAYER_SOURCE,
        ),
        RemedyEntry(
            "matching_loss",
            loss_for_raw_scores,
            "use {loss} as the loss",
            "this loss accepts the network's raw outputs and normalises them itself",
            phrases.OUTPUT_LAYER_SOURCE,
        ),
    ),
    example=CodeExample("F.cross_entropy(outputs.softmax(dim=1), targets)", "F.cross_entropy(outputs, targets)"),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report network outputs or labels that do not fit the loss function, according to the recorded computation."""
    if (found := _report_undefined_function(record) or _report_wrong_divergence_input(record)) is not None:
        return found
    seen = record.history(facts.LossInput)
    if not seen:
        return None
    given = seen[0].fact  # Only the first value is used, since later ones may not be finite.
    case = _describe_single_unit_softmax(record) or _CASES.get(given.function, lambda *_: None)(given, record, summary)
    if case is None:
        return None
    sentence, quantity, value, bound = case
    # A ReLU before a cross-entropy is harmless as long as the scores stay positive.
    is_harmless = given.activation in ONE_SIDED and given.task == Task.CLASSES
    certain = not is_harmless or summary.is_stuck("0", LITTLE_LEARNED) and _are_scores_dead(given, record)
    return Detection(
        certain,
        sentence,
        quantity,
        value,
        bound,
        SOURCE,
        record.site(SiteKind.ACTIVATION, "output") or record.site(SiteKind.LOSS),
        likely=True,
        module=given.activation_module,
        evidence=(("loss", "0"), ("monitored_loss", "")),
    )


def _report_undefined_function(record: Record) -> Detection | None:
    """Report a function in the loss that is undefined for some outputs of the network."""
    seen = record.history(facts.NotFinite)
    if not seen or not seen[0].fact.is_partial:
        return None
    made, step = seen[0].fact, seen[0].step
    when = f"at step {step}, with finite weights" if step else "before the first step"
    return FatalDetection(
        True,
        f"the loss is not finite {when}: {made.function} receives values from {made.min:.3g} to {made.max:.3g}, but "
        "it is not defined for all of them; the output layer or the loss must restrict its input",
        "smallest value",
        made.min,
        0.0,
        "Goodfellow et al. 2016, §6.2.2: the output layer and the loss are chosen together",
        record.site(SiteKind.NOT_FINITE) or record.site(SiteKind.LOSS),
    )


def _report_wrong_divergence_input(record: Record) -> Detection | None:
    """Report a call of kl_div that receives probabilities instead of log-probabilities."""
    given = record.fact(facts.Divergence)
    if given is None:
        return None
    return FatalDetection(
        True,
        f"kl_div expects log-probabilities as its first argument but receives probabilities ({given.min:.3g} to "
        f"{given.max:.3g}), so its value is not a divergence; use log_softmax for the first argument",
        "largest input",
        given.max,
        0.0,
        "torch.nn.KLDivLoss: the input is expected to be in the log-space",
        record.site(SiteKind.DIVERGENCE),
    )


def _are_scores_dead(given: facts.LossInput, record: Record) -> bool:
    """Return whether at least half of the ReLU outputs before the loss are 0 on every example at the end of the run."""
    own, known = (given.activation, given.classes), record.every(facts.Activation)
    places = [place for place, used in known.items() if (used.function, used.units) == own]
    return any(record.series("dead_share", place).last >= DEAD for place in places[-1:])


def _describe_single_unit_softmax(record: Record) -> _Case | None:
    """Describe an output softmax over a single unit, which is constant; return None if there is no such softmax."""
    if (lone := find_output_softmax_of_one(record)) is None:
        return None
    constant = softmax_of_one(lone.function)
    return f"{lone.function} over a single unit is always {constant}, so the network cannot learn", "classes", 1.0, 2.0


def lowest_cross_entropy(classes: int, low: float, high: float) -> float:
    """Return the lowest cross-entropy that logits in [low, high] can reach for `classes` classes, in nats."""
    return log(1 + (classes - 1) * exp(low - high))


def _describe_input_of_cross_entropy(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe inputs of cross_entropy that are not logits; return None if they may be logits."""
    activation, classes = given.activation, given.classes
    if activation in ONE_SIDED:
        sentence = (
            f"cross_entropy expects logits but receives the output of {activation}, which is never negative: it cannot "
            "give a class a low probability, and a score of 0 passes no gradient back"
        )
        return sentence, "smallest logit", given.min, 0.0
    if activation is None and _are_probabilities(given) and classes > 1:
        activation = "softmax"
    if activation not in RANGES:
        return None  # log_softmax before the loss has no effect, since it is idempotent.
    floor = lowest_cross_entropy(classes, *RANGES[activation])
    sentence = (
        f"cross_entropy expects logits but receives the output of {activation}: with {classes} classes, the loss "
        f"cannot fall below {floor:.3g}, and its gradient vanishes as the predictions become right"
    )
    return sentence, "loss_floor", record.series("loss", "0").last, floor


def _are_probabilities(given: facts.LossInput) -> bool:
    """Return whether the inputs of the loss are non-negative and sum to 1 for each example."""
    low, high = given.row_sum_min or 0.0, given.row_sum_max or 0.0
    return given.min >= 0 and abs(low - 1) < SUM and abs(high - 1) < SUM


def _describe_input_of_binary_loss(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe labels or inputs that do not fit binary_cross_entropy; return None if they fit."""
    if (numbers := _describe_class_indices(record)) is not None:
        return numbers
    floor = lowest_loss_on_simplex(record)
    if given.activation == "softmax" and floor is not None:
        sentence = (
            f"binary_cross_entropy treats each of the {given.classes} outputs separately but receives softmax "
            f"probabilities, which sum to 1: with several labels, the loss cannot fall below {floor:.3g}"
        )
        return sentence, "loss_floor", record.series("loss", "0").last, floor
    if given.activation in ONE_SIDED or given.activation is None and given.max > 1:
        received = f"the output of {given.activation}" if given.activation else "scores"
        sentence = (
            f"binary_cross_entropy expects probabilities but receives {received}: the logarithm of a value "
            "outside (0, 1) is undefined, and a clamped score passes no gradient back"
        )
        return sentence, "largest input", given.max, 1.0
    if given.activation == "sigmoid" and given.inner_activation == "sigmoid":
        sentence = "the output passes through sigmoid twice: it stays in [0.5, 0.73], so a right prediction costs 0.31"
        return sentence, "loss_floor", record.series("loss", "0").last, log(1 + exp(-1))
    return None


def _describe_class_indices(record: Record) -> _Case | None:
    """Describe labels that are class indices although the loss is binary; return None if they are binary."""
    targets = record.fact(facts.Targets)
    if targets is None or not are_class_indices(targets):
        return None
    classes = targets.whole_values
    sentence = (
        f"the labels are the indices of {classes} classes, but the loss is binary: it is defined for labels 0 and 1, "
        f"and has no lower bound for others. Give the network {classes} outputs and use cross_entropy"
    )
    return sentence, "largest label", targets.max, 1.0


def _describe_input_of_logit_loss(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe labels or inputs that do not fit binary_cross_entropy_with_logits; return None if they fit."""
    if (numbers := _describe_class_indices(record)) is not None:
        return numbers
    if given.activation in ONE_SIDED:
        sentence = (
            f"binary_cross_entropy_with_logits receives the output of {given.activation}, which is never negative: a "
            f"negative example costs at least {log(2):.2g}, and a score of 0 passes no gradient back"
        )
        return sentence, "smallest logit", given.min, 0.0
    if given.activation not in RANGES:
        return None
    floor = log(1 + exp(-1))
    sentence = (
        f"binary_cross_entropy_with_logits applies its own sigmoid but receives the output of {given.activation}: "
        f"a right prediction still costs {floor:.2g} (positive) or {log(2):.2g} (negative)"
    )
    return sentence, "loss_floor", record.series("loss", "0").last, floor


def _describe_input_of_nll_loss(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe inputs of nll_loss that are not log-probabilities; return None if they are."""
    if given.activation != "softmax":
        return _describe_unnormalised_input(given)
    sentence = "nll_loss expects log-probabilities but receives probabilities, so its value is minus their mean"
    return sentence, "min", given.min, 0.0


def _describe_unnormalised_input(given: facts.LossInput) -> _Case | None:
    """Describe inputs of nll_loss whose exponentials do not sum to 1 for each example; return None if they do."""
    size = given.largest_log_sum
    if not size > LOG_SUM:
        return None
    if given.activation == "log_softmax":
        sentence = (
            f"log_softmax is not applied along the dimension of the {given.classes} classes: the probabilities of one "
            f"example do not sum to 1 (log of the sum: {size:.3g}), and the examples affect each other's loss"
        )
        return sentence, "log of the sum of exponentials", size, LOG_SUM
    sentence = (
        "nll_loss expects log-probabilities but receives scores: their exponentials do not sum to 1 (log of the sum: "
        f"{size:.3g}), so the loss has no lower bound and the scores may grow without limit"
    )
    return sentence, "log of the sum of exponentials", size, LOG_SUM


def _describe_output_range(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe an output activation that is dead or cannot reach all real targets; return None if it can reach them."""
    targets = record.fact(facts.Targets)
    if given.activation is None or given.activation not in RANGES | ONE_SIDED:
        return None
    if targets is None or targets.std is None or not targets.finite:
        return None
    low, high = (RANGES | ONE_SIDED)[given.activation]
    slack = MARGIN * (targets.max - targets.min)
    if low - slack <= targets.min and targets.max <= high + slack:
        return _describe_dead_output(given, record, summary)
    reaches = f"stays in [{low:g}, {high:g}]" if high < inf else f"is never below {low:g}"
    sentence = (
        f"the output passes through {given.activation} and {reaches}, "
        f"but the targets range from {targets.min:.3g} to {targets.max:.3g}"
    )
    side = ("smallest target", targets.min, low) if targets.min < low - slack else ("largest target", targets.max, high)
    return sentence, *side


def _describe_dead_output(given: facts.LossInput, record: Record, summary: RunSummary) -> _Case | None:
    """Describe an output ReLU if at least half of its units are 0 on every example; otherwise return None."""
    if given.activation not in ONE_SIDED or not summary.is_stuck("0") or not _are_scores_dead(given, record):
        return None
    sentence = f"most outputs of {given.activation} are 0 on every example, so they pass no gradient back"
    return sentence, "largest output", given.max, 0.0


_CASES: dict[str, Callable[[facts.LossInput, Record, RunSummary], _Case | None]] = {
    "cross_entropy": _describe_input_of_cross_entropy,
    "binary_cross_entropy_with_logits": _describe_input_of_logit_loss,
    "nll_loss": _describe_input_of_nll_loss,
    "binary_cross_entropy": _describe_input_of_binary_loss,
    **dict.fromkeys(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"), _describe_output_range),
}
