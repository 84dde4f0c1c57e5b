"""Facts about the data: their statistics, damaged values, and the pairing of inputs with targets."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BadData:
    """NaN or infinite values in the data."""

    where: str  # tensors with NaN or infinite values: inputs, targets, or "data" if this is unknown
    values: int  # number of values that are NaN or infinite
    nan: int  # number of values that are NaN
    examples: int  # number of examples with NaN or infinite values
    of: int  # number of examples that were checked
    left_out: bool = False  # whether the loss is finite, because it ignores the NaN or infinite values


@dataclass(frozen=True)
class Batch:
    """Statistics of the targets in the batch of one step: label counts, or mean and standard deviation."""

    examples: int  # number of targets passed to the loss; an example may have several
    # number of targets with each label, for the smallest labels of the batch; empty for real targets
    labels: dict[str, int] = field(default_factory=dict)
    mean: float | None = None  # mean of real targets; None for labels
    std: float | None = None


@dataclass(frozen=True)
class Inputs:
    """Statistics of the network's inputs by feature: image channels, or entries of the last dimension."""

    features: int
    examples: int
    constant_features: int  # number of features that have the same value in all examples
    mean: tuple[float, ...]  # mean of each feature, for the first few hundred features
    std: tuple[float, ...]  # standard deviation of each of these features
    min: float  # smallest of all input values
    max: float
    largest_rms: float  # largest of the features' root mean squares
    finite: bool  # whether all values are finite
    shape: tuple[int, ...]  # shape of the first batch
    first_layer: str  # the first function applied to the inputs, such as linear or conv2d; "" if unknown


@dataclass(frozen=True)
class Pairing:
    """Inputs and targets that come from different data loaders, given by the numbers of these loaders."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class ZeroInput:
    """A layer whose input is all zeros."""

    layer: str  # the layer's class name


@dataclass(frozen=True)
class DifferentRows:
    """A batch in which inputs and other values come from different rows of two stored tensors with as many rows."""

    examples: int  # number of examples in the batch
    differing: int  # number of examples whose rows differ
    of: int  # number of rows of each stored tensor
    rows: tuple[int, ...]  # rows of the first inputs
    others: tuple[int, ...]  # rows of the first targets, or of other values
    is_target: bool  # whether the other values are targets


@dataclass(frozen=True)
class TargetShift:
    """Target tokens that are several positions after the input tokens of the same sequence."""

    positions: int
    share: float  # share of the positions with this shift
