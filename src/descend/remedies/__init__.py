"""One change to a training script a file: each takes a script and gives it back, edited."""

from descend.remedies.adaptive_rule import adaptive_rule
from descend.remedies.feed_logits import feed_logits
from descend.remedies.learning_rate import learning_rate
from descend.remedies.reinitialise import reinitialise
from descend.remedies.remedy import NotApplicable, Prescription, Remedy
from descend.remedies.standardise_inputs import standardise_inputs
from descend.remedies.zero_grad import zero_grad

REMEDIES: dict[str, Remedy] = {
    "learning_rate": learning_rate,
    "standardise_inputs": standardise_inputs,
    "feed_logits": feed_logits,
    "reinitialise": reinitialise,
    "zero_grad": zero_grad,
    "adaptive_rule": adaptive_rule,
}

__all__ = ["REMEDIES", "NotApplicable", "Prescription", "Remedy"]
