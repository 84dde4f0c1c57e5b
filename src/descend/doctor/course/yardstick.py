"""What the yardstick of a run is, and from where on a cost has learnt nothing."""

from typing import Literal

from descend.doctor.record import Record, facts
from descend.ground.bound import Bound

# What a change is judged on: the run's first examples; some from all over the run, where it changes their order; the
# script's own held-out ones, where it may well cost training loss; its own last training losses, where the first
# examples cannot be computed again and it leaves the loss what it is; those of its last stage, where the first one
# trains another network; the median error, where a few targets are wrong; a number that the script prints by name,
# where no loss can tell; nothing, where the fault makes the cost low; the time of a step, where the cost stays what it
# is.
JudgedOn = Literal["fixed", "spread", "held_out", "training", "median", "metric", "nothing", "time"]

STUCK = Bound(0.9, "of what the best constant prediction costs", "chosen: a cost above it has learnt nothing")


IN_WORDS = {
    "negative_log_likelihood": "negative log-likelihood",
    "squared_error": "squared error",
    "loss": "the script's own loss",
}


def yardstick_place(record: Record) -> str:
    """Return what the yardstick of this run is; "" when there is none."""
    places = record.places("yardstick")
    return places[0] if places else ""


def attainable_loss(record: Record) -> float:
    """Return the loss that no prediction can go below: the entropy of targets that are distributions themselves.

    The negative log-likelihood of fixed examples leaves it out. 0 for classes and for real targets.
    """
    targets = record.fact(facts.Targets)
    return targets.own_entropy if targets and yardstick_place(record) == "negative_log_likelihood" else 0.0
