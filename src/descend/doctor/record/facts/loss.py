"""Facts about the loss: its inputs, its targets, and its terms."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Divergence:
    """The smallest and largest input of `kl_div`, the Kullback–Leibler divergence, which expects log-probabilities."""

    min: float
    max: float


@dataclass(frozen=True)
class LossInput:
    """Statistics over the fixed examples of the network outputs that the loss function receives."""

    function: str  # torch's loss function, such as cross_entropy, also if the script computes it by its own formula
    task: str  # kind of the targets: classes, binary, real
    shape: tuple[int, ...]  # shape of the first batch's outputs
    target_shape: tuple[int, ...]  # shape of the first batch's targets
    dtype: str  # dtype of the outputs: float32, …
    min: float  # smallest of all outputs
    max: float
    classes: int  # number of outputs per example
    spread: float  # largest of the outputs' standard deviations over the examples of a batch
    reduction: str  # how the loss function reduces the losses of the examples: mean, sum, none
    by_hand: bool  # whether the script computes the loss by its own formula instead of a torch function
    activation: str | None  # activation function that computes the outputs: softmax, relu, …; None without one
    row_sum_min: float | None = None  # smallest sum of an example's outputs over the classes; None without classes
    row_sum_max: float | None = None  # largest sum of an example's outputs over the classes; None without classes
    largest_log_sum: float = 0.0  # largest |log Σ exp(outputs)| of an example; 0 for log-probabilities
    activation_module: str = ""  # qualified name of the last activation's module; "" for a function
    inner_activation: str | None = None  # the activation function that is applied before `activation`, if any


@dataclass(frozen=True)
class MixedReductions:
    """A loss with a term that is averaged over many values, and a term that is summed or averaged over few."""

    examples: int  # number of examples in the batch
    function: str  # loss function of the averaged term, such as mse_loss
    values: int  # number of values per example over which this term is averaged
    own: int  # number of values per example over which the other term is averaged; 1 if it is summed
    over_batch: bool  # whether the other term is also summed over the batch


@dataclass(frozen=True)
class NotFinite:
    """The first call whose result is NaN or infinite, and the range of its input."""

    function: str
    is_partial: bool  # whether the function is undefined for some real numbers, as log is
    min: float
    max: float
    is_masked: bool = False  # whether the input holds -inf, as an attention mask does


@dataclass(frozen=True)
class Targets:
    """Statistics of the fixed examples' targets: real numbers, class indices, or distributions over classes."""

    dtype: str  # dtype of the targets: int64, float32, …
    count: int  # number of all values in the targets
    min: float = 0.0  # smallest target, except for class indices that the loss ignores; 0 if it ignores all
    max: float = 0.0
    mean: float | None = None  # mean of the targets; None for class indices
    std: float | None = None
    median: float | None = None
    # lowest mean squared error of a prediction that is the same for all examples; None for class indices
    constant_cost: float | None = None
    largest_rms: float | None = None  # largest of the outputs' root mean square targets; None for class indices
    deviation: float = 0.0  # median absolute deviation of the targets
    # the outliers' distance from the median, divided by the largest distance of the other targets; 1 without outliers
    gap: float = 1.0
    finite: bool = True  # whether all targets are finite
    constants: int = 1  # number of outputs for each of which the best constant prediction has its own constant
    own_entropy: float = 0.0  # mean entropy of the target distributions, in nats: a lower bound of the cross-entropy
    whole_values: int = 0  # number of different targets if all targets are whole numbers; otherwise 0
    classes_seen: int = 0
    entropy: float | None = None  # entropy of the class frequencies, in nats; None without classes
    # cross-entropy of the class frequencies of one part of the targets with the other part
    unseen_entropy: float | None = None
    # lowest binary cross-entropy of outputs whose sum over the classes is 1, as after softmax
    simplex_floor: float = 0.0
    row_sum_min: float = 1.0  # smallest sum of the class probabilities in a target; 1 for other targets
    row_sum_max: float = 1.0  # largest sum of the class probabilities in a target; 1 for other targets


@dataclass(frozen=True)
class ClassWeights:
    """The weights that a loss or a sampler gives to the classes, and how often each class occurs."""

    argument: str  # the argument with the weights: weight, pos_weight, or sampler
    weights: tuple[float, ...]
    # number of targets of each class: in the fixed examples for a loss, in all data for a sampler
    counts: tuple[int, ...]


@dataclass(frozen=True)
class IgnoredClass:
    """The class that a loss ignores (`ignore_index`), and where its targets are among the fixed examples' targets."""

    index: int
    ignored: int  # number of ignored targets
    targets: int  # number of all targets
    following: int  # number of ignored targets directly after another one, as in padding
