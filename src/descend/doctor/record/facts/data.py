"""What was seen of the data: what they are like, what is damaged among them, and which belong together."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BadData:
    """Values among the data that are NaN or infinite."""

    where: str  # inputs, targets; data where it is not known which
    values: int  # that are not finite
    nan: int  # of these
    examples: int  # that have any
    of: int  # examples that were looked at
    left_out: bool = False  # whether the loss leaves them out, and is finite


@dataclass(frozen=True)
class Batch:
    """What the targets of one step's own batch are like: their labels are counted, or else they have a mean."""

    examples: int  # targets that the loss is given: several of an example where it has several
    labels: dict[str, int] = field(default_factory=dict)  # how often each of the first ones comes; {} for real targets
    mean: float | None = None  # of real targets; None for labels
    std: float | None = None


@dataclass(frozen=True)
class Inputs:
    """What the network is fed, by features: the channels of images, or the last dimension."""

    features: int
    examples: int
    constant_features: int  # of the features
    mean: tuple[float, ...]  # of each of the first features
    std: tuple[float, ...]
    min: float  # of all values
    max: float
    largest_rms: float  # root mean square, of the feature where it is largest
    finite: bool  # whether all values are
    shape: tuple[int, ...]  # of the first batch
    first_layer: str  # the function that they are given to: linear, conv2d; "" where it is not known


@dataclass(frozen=True)
class Pairing:
    """The inputs of the network come from other loaders than the targets; each by its number."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class MovedExamples:
    """A call that moves the examples of a batch along axis 0, away from their targets."""

    function: str
    line: int  # of the script; 0 where it is unknown
    axes: tuple[int, ...]  # that the call is given, axis 0 among them
    dimensions: int  # of the tensor that it moves


@dataclass(frozen=True)
class ZeroInput:
    """A layer that is fed nothing but zeros."""

    layer: str  # its class
