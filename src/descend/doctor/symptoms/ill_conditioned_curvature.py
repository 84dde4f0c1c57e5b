"""Ill-conditioned curvature: the steps are as long as the steepest direction bears, and too short for the others."""

from statistics import median

from descend.doctor.course.progress import (
    LEFT_TO_LEARN,
    cost_left,
    first_rise,
    is_stuck,
    loss_left_message,
)
from descend.doctor.course.stability import ROUNDING, stability_bound, step_lengths
from descend.doctor.course.training_time import fitted_condition_number, fitted_in_words
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: larger condition numbers imply slower convergence"
LONG = Bound(
    0.2,
    "of the stability bound",
    "chosen: a step five times as long would not be stable, so that a longer one is no way out",
)
ILL = Bound(
    200.0, "condition number, estimated from the progress", "chosen; see the range within which no diagnosis changes"
)


def ill_conditioned_curvature(record: Record) -> Sign | None:
    """Plain gradient descent near its longest step that still crawls: κ ≈ 2·λmax·Σα / ln(cost before / after)."""
    for key, optimizer in record.every(facts.Optimizer).items():
        bound, lengths = stability_bound(optimizer), step_lengths(record, key, "curvature").finite().values
        if optimizer.rule != "SGD" or optimizer.momentum or bound is None or not lengths:
            continue
        norms = record.series("clipped_norm").finite().values
        clip = record.fact(facts.Clip)
        if norms and (clip.limit if clip else 0.0) < median(norms):
            continue  # clipping, too, keeps the steps short
        # Below the bound a rise is a difference between batches, unless nothing is learnt.
        may_rise = max(lengths) <= bound.value and not is_stuck(record, key)
        has_risen = first_rise(record, key) is not None and not may_rise
        if max(lengths) < LONG * bound.value or has_risen or not cost_left(record) > LEFT_TO_LEARN:
            continue
        condition = fitted_condition_number(record, key)
        if condition < ILL:
            continue
        return Sign(
            certain=False,
            sentence=f"α·λmax = {max(lengths):.2g} of a bound of {bound.value:.3g}, so the steps cannot be much "
            f"longer, and yet {loss_left_message(record)}: the progress fits a condition number of "
            f"{fitted_in_words(record, key)}{_measured(record, key)}",
            quantity="condition_number",
            value=condition,
            bound=ILL,
            source=SOURCE,
            where=record.site("optimizer", key) or record.site("backward"),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key), *_lowest(record, key)),
        )
    return None


def _lowest(record: Record, key: str) -> tuple[tuple[str, str], ...]:
    return (("curvature_lowest", key),) if len(record.series("curvature_lowest", key)) else ()


def _measured(record: Record, key: str) -> str:
    """Say how far apart two curvatures were seen to be: the condition number is no smaller."""
    lowest = dict(record.series("curvature_lowest", key).finite())
    seen = [
        (value / low, step, low)
        for step, value in record.series("curvature", key)
        if (low := lowest.get(step, 0.0)) > ROUNDING * value > 0
    ]
    if not seen:
        return ""
    ratio, step, low = max(seen, key=lambda each: each[0])
    return (
        f"; at step {step} it is measured to be {ratio:,.0f} at least, curvatures from {low:.2g} to {ratio * low:.2g}"
    )
