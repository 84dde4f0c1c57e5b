"""What keeps a run without any finding from being called free of problems: its end does not show how it would go on."""

from dataclasses import dataclass
from math import nan
from typing import Literal

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.own_metric import draws_what_it_is_judged_on, own_share_left
from descend.doctor.course.progress import LEFT_TO_LEARN, constant_cost, falls, smoothed
from descend.doctor.course.step_sizes import LONG_STEPS, OFTEN, repeated_step
from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.record import Record
from descend.ground.bound import Bound, Count

Kind = Literal[
    "loss_still_falls",
    "learning_rate_still_rises",
    "steps_too_long",
    "settings_not_varied",
    "too_few_steps",
    "not_replayed",
]
FEW = Count(10, "steps", "as for a stage of a training: fewer do not show how a training goes")
STILL_FALLING = Bound(
    0.08,
    "of the cost of the best constant prediction",
    "calibrated on clinic/healthy: 3 of its 63 working programs would gain more in as many steps again",
)
RISING = Bound(
    0.05,
    "of the learning rate, over the last tenth of the steps",
    "half of what a linear warm-up adds that lasts for the whole run; calibrated on clinic/healthy: none rises at all",
)


@dataclass(frozen=True)
class Reservation:
    """One reason why a run without findings is undecided."""

    kind: Kind
    value: float
    limit: float
    sentence: str  # what was measured, and what to do


def reservations(record: Record) -> tuple[Reservation, ...]:
    """Return why a run without findings is undecided, as far as its record shows; empty where nothing is open."""
    found = (check(record) for check in (_too_few_steps, _not_replayed, _rate_rises, _steps_too_long, _loss_falls))
    return tuple(reservation for reservation in found if reservation is not None)


def loss_left(record: Record) -> float:
    """Return the loss at the end as a share of the best constant prediction's, or else of the first; NaN unknown."""
    curve = record.series("yardstick", yardstick_place(record)).finite()
    reference = constant_cost(record) or curve.first
    if not len(curve):
        curve = smoothed(record.series("loss", "0").finite())
        reference = curve.first
    return curve.last / reference if reference > 0 else nan


def _too_few_steps(record: Record) -> Reservation | None:
    if record.steps >= FEW:
        return None
    sentence = f"only {record.steps} optimizer steps were observed, too few to judge a training (limit: {FEW})"
    return Reservation("too_few_steps", record.steps, FEW, sentence)


def _not_replayed(record: Record) -> Reservation | None:
    if record.has_fixed_examples:
        return None
    sentence = "no training step could be replayed, so little could be measured"
    return Reservation("not_replayed", 0, 1, sentence)


def _rate_rises(record: Record) -> Reservation | None:
    """A run that ends within its warm-up: the learning rate that it states never acted for long."""
    if has_learned(record):
        return None
    for key in record.places("learning_rate"):
        rates = record.series("learning_rate", key).finite()
        before = rates.at(int(0.9 * record.steps))
        rise = 1 - before / rates.last if rates.last > 0 and rates.last >= rates.max else 0.0
        if rise > RISING:
            sentence = (
                f"the learning rate is still rising at the end ({before:.2g} → {rates.last:.2g} over the last tenth of "
                f"the steps), so all {record.steps} steps are warm-up; shorten the warm-up or train longer"
            )
            return Reservation("learning_rate_still_rises", rise, RISING, sentence)
    return None


def _steps_too_long(record: Record) -> Reservation | None:
    """Several steps that each move the weights by much of their own size, in a run that has not learned its task."""
    value = repeated_step(record)
    if not value > LONG_STEPS or has_learned(record):
        return None
    sentence = (
        f"{OFTEN} steps or more moved the weights by at least {value:.2g} of their own norm (limit: {LONG_STEPS:g}), "
        "so a learning rate ten times lower may train better"
    )
    return Reservation("steps_too_long", value, LONG_STEPS, sentence)


def _loss_falls(record: Record) -> Reservation | None:
    """A loss that as many steps again would lower by much, if it falls as a power of the number of steps.

    Of a run that was only observed to its end: one that goes on is not over. Where opponents or the network's own
    draws make up the loss, its fall says little.
    """
    is_over = record.ending is not None and record.ending.reason == "finished"
    if not is_over or has_opponents(record) or draws_what_it_is_judged_on(record) or has_learned(record):
        return None
    left, fall = loss_left(record), falls(record)
    gain = fall * left
    if not gain > STILL_FALLING:
        return None
    whole = "the cost of the best constant prediction" if constant_cost(record) else "its first value"
    sentence = (
        f"the loss is still falling, by {fall:.0%} over the last half of {record.steps} steps: as many steps again may "
        f"lower it by another {gain:.0%} of {whole} (limit: {STILL_FALLING:.0%}); train longer or run descend doctor "
        "--suggest"
    )
    return Reservation("loss_still_falls", gain, STILL_FALLING, sentence)


def has_learned(record: Record) -> bool:
    """Whether little is left of the loss, or of a share that the script prints."""
    return loss_left(record) < LEFT_TO_LEARN or own_share_left(record) < LEFT_TO_LEARN
