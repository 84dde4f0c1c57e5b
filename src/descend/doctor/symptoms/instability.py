"""Instability: the steps are too long for the curvature, and the loss rises or oscillates."""

from math import isfinite, nan
from statistics import median

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.progress import (
    LEFT_TO_LEARN,
    constant_cost,
    constant_in_words,
    cost_left,
    diverged,
    first_rise,
    is_stuck,
)
from descend.doctor.course.reservations import has_learned
from descend.doctor.course.stability import ADAPTIVE, curvature_name, stability_bound, step_lengths
from descend.doctor.course.step_sizes import LONG_STEPS, OFTEN, repeated_step
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

OUTRUN = Bound(
    1.0,
    "times the weights' own norm",
    "chosen: a first step is as long as the weights themselves, where 1e-3 to 0.1 of them is usual",
)
MUCH_LEFT = Bound(1 / 3, "of what the best constant prediction costs", "chosen: a third is much")
FAR = Bound(2.0, "times the stability bound", "at the edge of stability α·λmax hovers closer to it: Cohen et al. 2021")
ADAM_RATE = Bound(1e-3, "learning rate of an adaptive rule", "the default of Algorithm 1: Kingma & Ba 2015")
LATE = Bound(0.5, "of the run's steps", "chosen: what first overshoots in the second half did not hold up the first")
EARLY_STEPS = Count(3, "steps", "chosen: an adaptive rule's first scales come from hardly any gradient")


def instability(record: Record) -> Sign | None:
    """Report a learning rate × largest curvature above the optimizer's stability limit, with a loss that does not fall.

    Crossing the limit is no fault by itself: training at the edge of stability stays close to it (Cohen et al. 2021).
    """
    for key in record.every(facts.Optimizer) or ["0"]:
        rise = first_rise(record, key)
        found = _outruns_the_weights(record, key)
        if found is None and (rise is not None or is_stuck(record, key) or _leaps(record, key)):
            found = _over_the_bound(record, key, rise) or _not_finite(record, key)
        if (found := found or _moves_the_weights_far(record, key)) is not None:
            return found
    return None


def _leaps(record: Record, key: str) -> bool:
    """Whether a plain rule's steps are over their bound as often as not, some of them far, and much is left."""
    bound = stability_bound(record.fact(facts.Optimizer, key))
    lengths = step_lengths(record, key, "curvature").finite().values
    if bound is None or curvature_name(record, key) != "curvature" or not lengths or not cost_left(record) > MUCH_LEFT:
        return False
    return median(lengths) > bound.value and max(lengths) > FAR * bound.value


def _over_the_bound(record: Record, key: str, rise: int | None) -> Sign | None:
    bound = stability_bound(record.fact(facts.Optimizer, key))
    name = curvature_name(record, key)
    if bound is None or name is None:
        return None
    early = EARLY_STEPS if name == "preconditioned_curvature" else 0
    latest = record.steps if rise is None else max(rise, early + 2)
    over = [(s, v) for s, v in step_lengths(record, key, name).finite() if v > bound.value and early <= s <= latest]
    if not over or (rise is None and over[0][0] > LATE * record.steps):
        return None
    step, value = max(over, key=lambda pair: pair[1])
    is_usual = record.series("learning_rate", key).max <= ADAM_RATE
    if name == "preconditioned_curvature" and rise is None and is_usual and not diverged(record, key):
        return None  # an adaptive rule's α·λmax is far over its bound in many healthy first steps
    fates = (
        ("becomes NaN or infinite", diverged(record, key)),
        ("rises", rise is not None),
        (_level_message(record), is_stuck(record, key)),
        ("goes up and down", True),
    )
    what = next(fate for fate, is_so in fates if is_so)
    return Sign(
        diverged(record, key),
        f"the steps are too long for the curvature: learning rate × largest curvature (α·λmax) is {value:.3g} at step "
        f"{step} (stability limit: {bound.value:.3g}), and the loss {what}",
        "lr * lambda_max",
        value,
        bound.value,
        bound.source,
        record.site("optimizer", key) or record.site("backward"),
        likely=rise is not None,
        optimizer=key,
        evidence=(("loss", key), (name, key), ("learning_rate", key)),
    )


def _level_message(record: Record) -> str:
    """Return what a loss does that ends no better than what `is_stuck` compares it with."""
    return f"ends near that of {constant_in_words(record)}" if constant_cost(record) else "does not fall"


def _not_finite(record: Record, key: str) -> Sign | None:
    """A loss that becomes NaN or infinite is a fact, whatever made it so; one that is from the start is no step's."""
    if not diverged(record, key) or not isfinite(record.series("loss", key).first):
        return None
    step = next(s for s, v in record.series("loss", key) if not isfinite(v))
    measured = curvature_name(record, key) is not None
    known = "no earlier step crossed the stability limit" if measured else "the curvature could not be measured"
    if (eps := lost_eps(record, key)) is not None:
        known = f"eps = {eps:g} rounds to 0 in the parameters' precision, so a zero gradient is divided by zero"
    return Sign(
        True,
        f"the loss is no longer finite at step {step}; {known}",
        "loss",
        float("inf"),
        0.0,
        "Ba, CSC413 lecture 4, Recap: the cost increases",
        record.site("optimizer", key) or record.site("backward"),
        optimizer=key,
        evidence=(("loss", key),),
    )


def lost_eps(record: Record, key: str) -> float | None:
    """Return the `eps` of a rule that rounds to 0 in its parameters' precision; None where it does not."""
    optimizer = record.fact(facts.Optimizer, key)
    if optimizer is None or optimizer.eps is None or 2 * optimizer.eps > optimizer.smallest_subnormal:
        return None
    return float(optimizer.eps)


def _outruns_the_weights(record: Record, key: str) -> Sign | None:
    """A rule that rescales the gradient steps by about its rate in each weight, however small the weights are.

    So do rules that torch does not have, for which no bound is known.
    """
    optimizer = record.fact(facts.Optimizer, key)
    if optimizer is None or not optimizer.lr or not cost_left(record) > LEFT_TO_LEARN:
        return None
    if optimizer.rule not in ADAPTIVE and stability_bound(optimizer) is not None:
        return None
    ratio = first_step(record)
    if not ratio > OUTRUN:
        return None
    sentence = (
        f"the first step changes the weights by {ratio:.2g} times their own norm (limit: {OUTRUN:g}): a learning rate "
        f"of {optimizer.lr:g} is too large for weights of that size"
    )
    source = "Kingma & Ba 2015, §2.1: the step of Adam is at most about its rate in each weight"
    return _too_long(record, key, sentence, ratio, OUTRUN, source)


def _moves_the_weights_far(record: Record, key: str) -> Sign | None:
    """Steps that move the weights by much of their own size, be it after a warm-up, while much is left to learn."""
    value = repeated_step(record)
    if not value > LONG_STEPS or has_opponents(record) or has_learned(record):
        return None
    sentence = (
        f"{OFTEN} steps or more move the weights by at least {value:.2g} of their own norm (limit: {LONG_STEPS:g}): "
        "the learning rate is too large for weights of that size"
    )
    return _too_long(record, key, sentence, value, LONG_STEPS, "Karpathy, CS231n, Ratio of weights:updates")


def _too_long(record: Record, key: str, sentence: str, ratio: float, limit: float, source: str) -> Sign:
    """Return the suspicion that steps are too long for the weights that they change."""
    return Sign(
        False,
        sentence,
        "update_ratio",
        ratio,
        limit,
        source,
        record.site("optimizer", key) or record.site("backward"),
        optimizer=key,
        evidence=(("loss", key), *(("update_ratio", p) for p in _weights(record)[:3])),
    )


def first_step(record: Record) -> float:
    """Return the length of the first step relative to the weights, the median over them; NaN where none was seen."""
    ratios = [v for p in _weights(record) if (v := record.series("update_ratio", p).first) == v]
    return median(ratios) if ratios else nan


def _weights(record: Record) -> list[str]:
    return [p for p in record.places("update_ratio") if "bias" not in p]
