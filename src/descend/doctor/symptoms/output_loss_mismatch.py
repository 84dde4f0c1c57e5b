"""Output layer and loss disagree: the loss applies its own activation, or the output cannot reach the targets."""

from collections.abc import Callable
from math import exp, inf, log

from descend.doctor.course.progress import HARDLY_LEARNT, is_stuck
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.degenerate_normalisation import constant_of, lone_output
from descend.doctor.symptoms.labels_wrong import is_class_number
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "torch.nn.CrossEntropyLoss: the input is expected to contain the unnormalized logits for each class"
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0)}
ONE_SIDED = {"relu": (0.0, inf), "softplus": (0.0, inf), "relu6": (0.0, 6.0)}
SUM = Bound(1e-3, "off 1, of a row's sum", "chosen: as far as round-off takes a row from a distribution")
LOG_SUM = Bound(
    0.05,
    "off 0, of the logarithm of a row's sum",
    "chosen: as far as round-off, label smoothing and the like take a row from a distribution",
)
DEAD = Bound(0.5, "of the scores", "chosen: half of them are most")
LEAST_FLOOR = Bound(0.01, "nats", "chosen: less is no more than smoothed labels cost")
MARGIN = Bound(0.01, "of the targets' range", "chosen: what lies this far outside the output's range is out of reach")

_Case = tuple[str, str, float, float]  # sentence, quantity, value, bound


def output_loss_mismatch(record: Record) -> Sign | None:
    """Report an activation that the loss does not expect as its input, as recorded on the tape."""
    if (found := _unbounded(record) or _divergence(record)) is not None:
        return found
    seen = record.history(facts.LossInput)
    if not seen:
        return None
    given = seen[0].fact  # later the values may not be finite any more
    judged = _CASES.get(given.function)
    case = _single_unit(record) or (judged(given, record) if judged else None)
    if case is None:
        return None
    sentence, quantity, value, bound = case
    is_harmless = given.activation in ONE_SIDED and given.task == "classes"  # as long as scores stay positive
    certain = not is_harmless or is_stuck(record, "0", HARDLY_LEARNT) and _are_dead(given, record)
    return Sign(
        certain,
        sentence,
        quantity,
        value,
        bound,
        SOURCE,
        record.site("activation", "output") or record.site("loss"),
        likely=True,
        module=given.activation_module,
        evidence=(("loss", "0"), ("monitored_loss", "")),
    )


def _unbounded(record: Record) -> Sign | None:
    """A function of the loss that is not defined for what the output layer gives."""
    seen = record.history(facts.NotFinite)
    if not seen or not seen[0].fact.is_partial:
        return None
    made, step = seen[0].fact, seen[0].step
    when = f"at step {step}, with finite weights" if step else "before the first step"
    return Ruin(
        True,
        f"the loss is not finite {when}: {made.function} receives values from {made.min:.3g} to {made.max:.3g}, and "
        "is not defined for all of them; the output layer or the loss must restrict them",
        "smallest value",
        made.min,
        0.0,
        "Goodfellow et al. 2016, §6.2.2: the output layer and the loss are chosen together",
        record.site("not_finite") or record.site("loss"),
    )


def _divergence(record: Record) -> Sign | None:
    """Report a Kullback-Leibler divergence with probabilities as its first argument instead of log-probabilities."""
    given = record.fact(facts.Divergence)
    if given is None:
        return None
    return Ruin(
        True,
        f"kl_div expects log-probabilities as its first argument but receives probabilities ({given.min:.3g} to "
        f"{given.max:.3g}), so its value is not a divergence; use log_softmax for the first argument",
        "largest input",
        given.max,
        0.0,
        "torch.nn.KLDivLoss: the input is expected to be in the log-space",
        record.site("divergence"),
    )


def _are_dead(given: facts.LossInput, record: Record) -> bool:
    """Whether half of the scores end at 0 on every example."""
    own, known = (given.activation, given.classes), record.every(facts.Activation)
    places = [place for place, used in known.items() if (used.function, used.units) == own]
    return any(record.series("dead_share", place).last >= DEAD for place in places[-1:])


def _single_unit(record: Record) -> _Case | None:
    """Report an output softmax over one unit: whatever the loss is, its input is constant."""
    if (lone := lone_output(record)) is None:
        return None
    sentence = f"{lone.function} over a single unit is always {constant_of(lone.function)}, so nothing can be learned"
    return sentence, "classes", 1.0, 2.0


def class_floor(classes: int, low: float, high: float) -> float:
    """Return the least cross-entropy of `classes` logits confined to [low, high]: one high, the others low."""
    return log(1 + (classes - 1) * exp(low - high))


def _cross_entropy(given: facts.LossInput, record: Record) -> _Case | None:
    activation, classes = given.activation, given.classes
    if activation in ONE_SIDED:
        sentence = (
            f"cross_entropy expects logits but receives the output of {activation}, which is never negative: it cannot "
            "rule a class out, and a score of 0 passes no gradient back"
        )
        return sentence, "smallest logit", given.min, 0.0
    if activation is None and _are_probabilities(given) and classes > 1:
        activation = "softmax"
    if activation not in RANGES:
        return None  # log_softmax in front changes nothing: the loss's own is idempotent
    floor = class_floor(classes, *RANGES[activation])
    sentence = (
        f"cross_entropy expects logits but receives the output of {activation}: over {classes} classes the loss cannot "
        f"fall below {floor:.3g}, and its gradient vanishes as the predictions become right"
    )
    return sentence, "loss_floor", record.series("loss", "0").last, floor


def _are_probabilities(given: facts.LossInput) -> bool:
    low, high = given.row_sum_min or 0.0, given.row_sum_max or 0.0
    return given.min >= 0 and abs(low - 1) < SUM and abs(high - 1) < SUM


def _binary(given: facts.LossInput, record: Record) -> _Case | None:
    if (numbers := _class_numbers(record)) is not None:
        return numbers
    floor = several_at_once(record)
    if given.activation == "softmax" and floor is not None:
        sentence = (
            f"binary_cross_entropy treats each of the {given.classes} outputs separately but receives softmax "
            "probabilities, which sum to 1: several labels cannot be 1 at once, and the loss cannot fall below "
            f"{floor:.3g}"
        )
        return sentence, "loss_floor", record.series("loss", "0").last, floor
    if given.activation in ONE_SIDED or given.activation is None and given.max > 1:
        received = f"the output of {given.activation}" if given.activation else "scores"
        sentence = (
            f"binary_cross_entropy expects probabilities but receives {received}: a value outside (0, 1) has no "
            "logarithm, and a clamped score passes no gradient back"
        )
        return sentence, "largest input", given.max, 1.0
    if given.activation == "sigmoid" and given.inner_activation == "sigmoid":
        sentence = "the output passes through sigmoid twice: it stays in [0.5, 0.73], so a right prediction costs 0.31"
        return sentence, "loss_floor", record.series("loss", "0").last, log(1 + exp(-1))
    return None


def several_at_once(record: Record) -> float | None:
    """Return the least binary cross-entropy of outputs that sum to 1; None where one target at a time is 1."""
    targets = record.fact(facts.Targets)
    return targets.simplex_floor if targets is not None and targets.simplex_floor > LEAST_FLOOR else None


def _class_numbers(record: Record) -> _Case | None:
    targets = record.fact(facts.Targets)
    if targets is None or not is_class_number(targets):
        return None
    classes = targets.whole_values
    sentence = (
        f"the labels are the indices of {classes} classes, but the loss is binary: it is defined for labels 0 and 1 "
        f"and has no lower bound here; give the network {classes} outputs and use cross_entropy"
    )
    return sentence, "largest label", targets.max, 1.0


def _binary_with_logits(given: facts.LossInput, record: Record) -> _Case | None:
    if (numbers := _class_numbers(record)) is not None:
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


def _nll(given: facts.LossInput, record: Record) -> _Case | None:
    if given.activation != "softmax":
        return _unnormalised(given)
    sentence = "nll_loss expects log-probabilities but receives probabilities, so its value is minus their mean"
    return sentence, "min", given.min, 0.0


def _unnormalised(given: facts.LossInput) -> _Case | None:
    size = given.largest_log_sum
    if not size > LOG_SUM:
        return None
    if given.activation == "log_softmax":
        sentence = (
            f"log_softmax uses another dimension than that of the {given.classes} classes: the probabilities of one "
            f"example do not sum to 1 (log of the sum: {size:.3g}), and the examples of a batch compete with each other"
        )
        return sentence, "log of the sum of exponentials", size, LOG_SUM
    sentence = (
        "nll_loss expects log-probabilities but receives scores: their exponentials do not sum to 1 (log of the sum: "
        f"{size:.3g}), so the loss has no lower bound and every score may grow"
    )
    return sentence, "log of the sum of exponentials", size, LOG_SUM


def _real(given: facts.LossInput, record: Record) -> _Case | None:
    targets = record.fact(facts.Targets)
    if given.activation is None or given.activation not in RANGES | ONE_SIDED:
        return None
    if targets is None or targets.std is None or not targets.finite:
        return None
    low, high = (RANGES | ONE_SIDED)[given.activation]
    slack = MARGIN * (targets.max - targets.min)
    if low - slack <= targets.min and targets.max <= high + slack:
        return _dead_output(given, record)
    reaches = f"stays in [{low:g}, {high:g}]" if high < inf else f"is never below {low:g}"
    sentence = (
        f"the output passes through {given.activation} and {reaches}, "
        f"but the targets range from {targets.min:.3g} to {targets.max:.3g}"
    )
    if targets.min < low - slack:
        return sentence, "smallest target", targets.min, low
    return sentence, "largest target", targets.max, high


def _dead_output(given: facts.LossInput, record: Record) -> _Case | None:
    """Report a ReLU output that fits targets of one sign but is 0 on every example."""
    if given.activation not in ONE_SIDED or not is_stuck(record, "0") or not _are_dead(given, record):
        return None
    sentence = (
        f"the output passes through {given.activation}, and most of it is 0 on every example, so no gradient passes "
        "back through it"
    )
    return sentence, "largest output", given.max, 0.0


_CASES: dict[str, Callable[[facts.LossInput, Record], _Case | None]] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy_with_logits": _binary_with_logits,
    "nll_loss": _nll,
    "binary_cross_entropy": _binary,
    "mse_loss": _real,
    "l1_loss": _real,
    "smooth_l1_loss": _real,
    "huber_loss": _real,
}
