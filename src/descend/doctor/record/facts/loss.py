"""What was seen of the loss: what it is given and by which terms it is made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Divergence:
    """The range of the probabilities that a Kullback-Leibler divergence is given where it takes their logarithms."""

    min: float
    max: float


@dataclass(frozen=True)
class LossInput:
    """What enters the loss: the outputs of the network at the fixed examples, and what made them."""

    function: str  # of torch that computes it: cross_entropy; or the one that it amounts to
    task: str  # classes, binary, real
    shape: tuple[int, ...]  # of the first batch's outputs
    target_shape: tuple[int, ...]  # and of its targets
    dtype: str  # float32, …
    min: float  # of all values
    max: float
    classes: int  # outputs of an example; 1 where it has one
    spread: float  # standard deviation over a batch's examples, of the output where it is largest
    reduction: str  # mean, sum, none
    by_hand: bool  # whether it is written out, and no function of torch called
    activation: str | None  # what the outputs come through last: softmax, relu; None for none
    row_sum_min: float | None = None  # of an example's outputs over the classes; None where there are none
    row_sum_max: float | None = None
    largest_log_sum: float = 0.0  # absolute, of the logarithm of the sum of exponentials: 0 for log-probabilities
    activation_module: str = ""  # the activation's qualified name; "" for a function
    inner_activation: str | None = None  # what stands in front of the activation


@dataclass(frozen=True)
class MixedReductions:
    """A term of the loss that is summed, or averaged over fewer values, beside a loss averaged over all of its own."""

    examples: int  # in the batch
    function: str  # of the loss that is averaged: mse_loss
    values: int  # of each example, that the loss is averaged over
    own: int  # values of each example that the term is averaged over; 1 where it is summed
    over_batch: bool  # whether the term is summed over the batch, too


@dataclass(frozen=True)
class NotFinite:
    """The first call that makes the loss NaN or infinite, and the range of what it was given."""

    function: str
    is_partial: bool  # whether it is defined for a part of the numbers only
    min: float
    max: float
    is_masked: bool = False  # whether it was given -inf, as a mask writes it


@dataclass(frozen=True)
class Targets:
    """What the targets of the fixed examples are like: numbers, numbers of classes, or distributions over classes."""

    dtype: str  # int64, float32, …
    count: int  # of all numbers in them
    min: float = 0.0  # of the classes that count; 0 where no target names one
    max: float = 0.0
    mean: float | None = None  # None, as all to `largest_rms`, for numbers of classes
    std: float | None = None
    median: float | None = None
    constant_cost: float | None = None  # mean squared error of the best constant prediction, or of one for each output
    largest_rms: float | None = None  # root mean square, of the output where it is largest
    deviation: float = 0.0  # median of the absolute deviations from the median
    gap: float = 1.0  # times as far from the median as the next one some of the farthest lie; 1 where none stand apart
    finite: bool = True  # whether all are
    constants: int = 1  # outputs that are told apart in `constant_cost`
    own_entropy: float = 0.0  # of each target as a distribution, the mean, in nats: what no prediction can save
    whole_values: int = 0  # how many different ones there are, where all are whole numbers
    classes_seen: int = 0
    entropy: float | None = None  # of the classes' shares, in nats; None where there are no classes
    unseen_entropy: float | None = None  # what the best shares cost on targets that they were not counted from
    simplex_floor: float = 0.0  # the least binary cross-entropy of outputs that sum to 1
    row_sum_min: float = 1.0  # of a target that is a distribution over classes; 1 for others
    row_sum_max: float = 1.0
