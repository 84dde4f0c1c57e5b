"""Reasons why a run without findings is undecided: its end does not show how training would continue."""

from dataclasses import dataclass
from typing import Literal

from descend.core.bound import Bound, Count
from descend.doctor.assess.logged_metric import samples_its_own_loss
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.stages import stages
from descend.doctor.assess.step_sizes import LONG_STEPS, OFTEN, repeated_step_length
from descend.doctor.assess.summary import RunSummary, summarise
from descend.doctor.record import Record, facts
from descend.doctor.script.run_names import EndReason

Kind = Literal[
    "loss_still_falls",
    "learning_rate_still_rises",
    "steps_too_long",
    "settings_not_varied",
    "too_few_steps",
    "not_replayed",
    "stages_not_examined",
]
FEW = Count(
    10, "steps", "chosen: fewer steps do not show how the training progresses; a training stage has the same limit"
)
STILL_FALLING = Bound(
    0.08,
    "predicted further fall of the loss divided by the cost of the best constant prediction",
    "calibrated on clinic/healthy: with twice the steps, only 3 of its 63 working programs would gain more than this",
)
RISING = Bound(
    0.05,
    "relative rise of the learning rate over the last tenth of the steps",
    "a linear warm-up over the whole run would rise twice as much; calibrated on clinic/healthy, where no learning "
    "rate rises at the end",
)


@dataclass(frozen=True)
class Reservation:
    """A reason why a run in which no problem was found may still have one, such as too few steps."""

    kind: Kind
    value: float
    limit: float
    sentence: str  # the reason as text, with the measured number and what the user should do


def reservations(record: Record) -> tuple[Reservation, ...]:
    """Return the reasons why a run in which no problem was found may still have one; empty if there are no reasons."""
    summary = summarise(record)
    found = (
        check(record, summary)
        for check in (_check_step_count, _check_replay, _check_warm_up, _check_step_length, _check_falling_loss)
    )
    return tuple(reservation for reservation in found if reservation is not None)


def check_stages(record: Record) -> list[Reservation]:
    """Return a reason to doubt a run of several training stages that was not repeated for each of them."""
    number = len(stages(record))
    if number < 2 or record.fact(facts.Stage) is not None:
        return []
    sentence = f"the script trains in {number} stages, and --budget left too little time to examine each of them"
    return [Reservation("stages_not_examined", number, 1, sentence)]


def _check_step_count(record: Record, summary: RunSummary) -> Reservation | None:
    """Return a reason to doubt a run that has too few steps to show how it progresses; None if it has enough."""
    if record.steps >= FEW:
        return None
    sentence = f"only {record.steps} optimizer steps were observed, too few to judge the training (limit: {FEW})"
    return Reservation("too_few_steps", record.steps, FEW, sentence)


def _check_replay(record: Record, summary: RunSummary) -> Reservation | None:
    """Return a reason to doubt a run of which no step could be replayed, as most measurements need; otherwise None."""
    if record.has_fixed_examples:
        return None
    sentence = "no training step could be replayed, so little could be measured"
    return Reservation("not_replayed", 0, 1, sentence)


def _check_warm_up(record: Record, summary: RunSummary) -> Reservation | None:
    """Return a reason to doubt a run that ends during the warm-up of its learning rate; otherwise None."""
    if summary.has_learned:
        return None
    for key in record.places("learning_rate"):
        rates = record.series("learning_rate", key).finite()
        before = rates.at(int(0.9 * record.steps))
        rise = 1 - before / rates.last if rates.last > 0 and rates.last >= rates.max else 0.0
        if rise > RISING:
            sentence = (
                f"the learning rate is still rising at the end ({before:.2g} → {rates.last:.2g} over the last tenth of "
                f"the steps), so the warm-up lasts all {record.steps} steps; shorten it or train longer"
            )
            return Reservation("learning_rate_still_rises", rise, RISING, sentence)
    return None


def _check_step_length(record: Record, summary: RunSummary) -> Reservation | None:
    """Return a reason to doubt a run that has not learned its task and took several long steps; otherwise None.

    Steps are long if they change the weights by more than `LONG_STEPS` of their norm.
    """
    value = repeated_step_length(record)
    if not value > LONG_STEPS or summary.has_learned:
        return None
    sentence = (
        f"at least {OFTEN} steps changed the weights by {value:.2g} of their norm or more (limit: {LONG_STEPS:g}), "
        "so a ten times lower learning rate may train better"
    )
    return Reservation("steps_too_long", value, LONG_STEPS, sentence)


def _check_falling_loss(record: Record, summary: RunSummary) -> Reservation | None:
    """Return a reason to doubt a run that ends while the loss still falls, so that it is too short; otherwise None.

    The prediction assumes that the loss falls as a power of the number of steps. Only a run that ended by itself is
    checked. The fall says little if adversarial optimizers or the network's own samples determine the loss.
    """
    is_over = record.ending is not None and record.ending.reason == EndReason.FINISHED
    if not is_over or has_opponents(record) or samples_its_own_loss(record) or summary.has_learned:
        return None
    left, fall = summary.loss_left, summary.relative_fall()
    gain = fall * left
    if not gain > STILL_FALLING:
        return None
    whole = "the cost of the best constant prediction" if summary.constant_cost else "its first value"
    sentence = (
        f"the loss is still falling: it fell by {fall:.0%} over the last half of the {record.steps} steps, and twice "
        f"as many steps may lower it by another {gain:.0%} of {whole} (limit: {STILL_FALLING:.0%}); train longer or "
        "run descend doctor --suggest"
    )
    return Reservation("loss_still_falls", gain, STILL_FALLING, sentence)
