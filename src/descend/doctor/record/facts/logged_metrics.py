"""Facts about the script's own metrics, and about losses that depend on the network's own samples."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricName:
    """Properties of a logged metric that follow from its name, such as whether larger values are better.

    The fact's place is that name.
    """

    rises: bool | None  # whether larger values of the metric are better; None if its name does not show this
    is_share: bool  # whether the metric's best value is 1 or 100 %
    is_loss: bool  # whether the metric may be the training loss itself
    is_held_out: bool | None  # whether the metric is measured on held-out data; None if its name does not show this


@dataclass(frozen=True)
class UntrainedMetric:
    """The value of a logged metric for an untrained network.

    The fact's place is the metric's name.
    """

    value: float


@dataclass(frozen=True)
class MetricComputation:
    """Values of the script's evaluation metric for correct and for wrong predictions, to test its computation."""

    right: float  # value of the metric for predictions that minimise the training loss
    given_to_others: float  # mean value of the metric when these predictions are permuted over the examples
    best: float  # value for correct predictions, or with one wrong class if that is better
    is_told_apart: bool  # whether the metric distinguishes correct from permuted predictions


@dataclass(frozen=True)
class SelfSampledLoss:
    """A loss over samples from the network itself, as in policy gradients. It need not fall when training works."""

    function: str  # name of the sampling function: multinomial, bernoulli, …


@dataclass(frozen=True)
class SelectedExamplesLoss:
    """A loss over examples that the network selects, such as hard triplets. It need not fall when training works."""

    function: str  # name of the function that divides by the number of selected examples: div, …
