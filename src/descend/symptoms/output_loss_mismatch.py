"""Output layer and loss disagree: an activation before a loss that applies its own, or a range the targets leave."""

from collections.abc import Callable
from math import exp, inf, log
from typing import Any

from descend.record import Record
from descend.symptoms.symptom import Symptom

SOURCE = "torch.nn.CrossEntropyLoss expects logits; the floor is the loss of the best distribution it can still express"
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0)}
ONE_SIDED = {"relu": (0.0, inf), "softplus": (0.0, inf), "relu6": (0.0, 6.0)}
MARGIN = 0.01  # of the targets' range: what lies this far outside the output's is out of reach

_Case = tuple[str, str, float, float]  # sentence, quantity, value, bound


def output_loss_mismatch(record: Record) -> Symptom | None:
    """An activation in front of the loss that the loss does not expect: seen on the tape, not guessed from values."""
    facts = record.fact("loss_input")
    if facts is None or facts.get("activation") is None:
        return None
    case = _CASES.get(facts["function"], _nothing)(facts, record)
    if case is None:
        return None
    sentence, quantity, value, bound = case
    return Symptom(
        "output_loss_mismatch",
        "wiring",
        True,
        0.98,
        sentence,
        quantity,
        value,
        bound,
        SOURCE,
        record.site("activation", "output") or record.site("loss"),
        module=facts.get("activation_module", ""),
        evidence=(("loss", "0"), ("monitored_loss", "")),
        explains=frozenset({"slow_progress", "plateau"}),
    )


def class_floor(classes: int, low: float, high: float) -> float:
    """Return the least cross-entropy of `classes` logits confined to [low, high]: one high, the others low."""
    return log(1 + (classes - 1) * exp(low - high))


def _cross_entropy(facts: dict[str, Any], record: Record) -> _Case | None:
    activation, classes = facts["activation"], int(facts["classes"])
    if activation not in RANGES:
        return None  # log_softmax in front changes nothing: the loss's own is idempotent
    if activation == "softmax" and classes == 1:
        return "softmax over a single unit is always 1: nothing can be learnt", "classes", 1.0, 2.0
    floor = class_floor(classes, *RANGES[activation])
    sentence = (
        f"cross_entropy takes logits but is fed the output of {activation}: over {classes} classes it cannot fall "
        f"below {floor:.3g}, and its gradient fades as the network becomes right"
    )
    return sentence, "loss_floor", record.series("loss", "0").last, floor


def _binary_with_logits(facts: dict[str, Any], record: Record) -> _Case | None:
    if facts["activation"] not in ("sigmoid", "softmax"):
        return None
    floor = log(1 + exp(-1))
    sentence = (
        f"binary_cross_entropy_with_logits applies its own sigmoid and is fed the output of {facts['activation']}: "
        f"a right answer still costs {floor:.2g} (positive) or {log(2):.2g} (negative)"
    )
    return sentence, "loss_floor", record.series("loss", "0").last, floor


def _nll(facts: dict[str, Any], record: Record) -> _Case | None:
    if facts["activation"] != "softmax":
        return None
    sentence = "nll_loss takes log-probabilities but is fed probabilities: its value is minus their mean, with no log"
    return sentence, "min", float(facts["min"]), 0.0


def _real(facts: dict[str, Any], record: Record) -> _Case | None:
    targets = record.fact("targets") or {}
    if facts["activation"] not in RANGES | ONE_SIDED or "std" not in targets:
        return None
    low, high = (RANGES | ONE_SIDED)[facts["activation"]]
    slack = MARGIN * (targets["max"] - targets["min"])
    if low - slack <= targets["min"] and targets["max"] <= high + slack:
        return None
    reaches = f"stays in [{low:g}, {high:g}]" if high < inf else f"is never below {low:g}"
    sentence = (
        f"the output passes through {facts['activation']} and {reaches}, "
        f"but the targets run from {targets['min']:.3g} to {targets['max']:.3g}"
    )
    if targets["min"] < low - slack:
        return sentence, "smallest target", float(targets["min"]), low
    return sentence, "largest target", float(targets["max"]), high


def _nothing(facts: dict[str, Any], record: Record) -> _Case | None:
    return None


_CASES: dict[str, Callable[[dict[str, Any], Record], _Case | None]] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy_with_logits": _binary_with_logits,
    "nll_loss": _nll,
    "mse_loss": _real,
    "l1_loss": _real,
    "smooth_l1_loss": _real,
    "huber_loss": _real,
}
