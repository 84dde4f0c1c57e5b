"""The evaluation metric of a run, and the number above which a run has learned nothing."""

from typing import Literal

from descend.core.bound import Bound
from descend.doctor.record import Record, facts

# The number by which a trial of an edit is compared with the unedited script.
JudgedOn = Literal[
    "fixed",  # the loss of the first training examples, used if no other number fits better
    "spread",  # the loss of examples from the whole run, used if the edit changes the order of the examples
    "held_out",  # the script's held-out loss, used if the edit may increase the training loss
    "training",  # the last training losses, used if the loss of the first examples cannot be computed again
    "median",  # the median error over the examples, used if a few targets are wrong
    "metric",  # a logged metric, used if the loss does not measure the task
    "evaluation",  # in a catalog entry: a logged metric or else the held-out loss, if only the evaluation is edited
    "nothing",  # no number, used if the mistake itself lowers the loss, so that a comparison would mislead
    "time",  # the seconds per step, used if the edit does not change the loss
]

STUCK = Bound(
    0.9,
    "final cost divided by the cost of the best constant prediction",
    "chosen: a run with a higher cost counts as having learned nothing",
)

METRIC_NAMES = {
    "negative_log_likelihood": "negative log-likelihood",
    "squared_error": "squared error",
    "loss": "the script's own loss",
}


def evaluation_metric(record: Record) -> str:
    """Return the name of the evaluation metric that was measured in a run; "" if no metric was measured."""
    places = record.places("metric")
    return places[0] if places else ""


def attainable_loss(record: Record) -> float:
    """Return the lowest attainable loss: the entropy of the targets if these are distributions, else 0.

    The negative log-likelihood of the fixed examples is measured without this entropy.
    """
    targets = record.fact(facts.Targets)
    return targets.own_entropy if targets and evaluation_metric(record) == "negative_log_likelihood" else 0.0
