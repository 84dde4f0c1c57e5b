"""The cost of the best constant prediction: the reference for what a run has learned."""

from math import inf, log, prod

from descend.doctor.assess.evaluation_metric import STUCK, evaluation_metric
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.record import Record, facts

# largest accepted relative difference between a constant prediction's costs on unseen and on seen targets
KNOWN = 1 - STUCK


def constant_cost(record: Record) -> float | None:
    """Return the cost (evaluation metric) of the best constant prediction on unseen targets; None if it is unknown.

    For classes it is the entropy of the targets, for real targets the variance of each output.
    """
    if has_opponents(record):
        return None  # A discriminator's targets only say whether an example is real or generated.
    targets, name = record.fact(facts.Targets), evaluation_metric(record)
    if targets is None:
        return None
    if name == "squared_error":
        return targets.constant_cost or None
    own, p = targets.own_entropy, targets.mean  # The evaluation metric does not include the entropy of the targets.
    if targets.entropy is not None and targets.unseen_entropy is not None:
        least, cost = max(0.0, targets.entropy - own), max(0.0, targets.unseen_entropy - own)
        return cost if 0 < cost and cost - least <= KNOWN * cost < inf else None
    if name == "negative_log_likelihood" and p is not None and 0 < p < 1:
        return max(0.0, -(p * log(p) + (1 - p) * log(1 - p)) - own) or None
    return None


def constant_message(record: Record) -> str:
    """Return a phrase for messages that names the constant prediction, such as `the best constant prediction`.

    Several real or binary targets of an example may share one number, although a mean of each would cost less.
    """
    targets, given = record.fact(facts.Targets), record.fact(facts.LossInput)
    # For classes, the best constant prediction is the frequency of each class.
    is_number = targets is None or targets.entropy is None and targets.constants == 1
    is_shared = is_number and given is not None and prod(given.target_shape[1:]) > 1
    return "the best single number for all outputs" if is_shared else "the best constant prediction"
