"""Facts about tensor dimensions that the script may have confused: batch, time, features."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LoneEntry:
    """A normalisation over a dimension that has size 1 in every call."""

    module: str  # the layer's qualified name; "" for a function
    shape: tuple[int, ...]  # shape of the normalised tensor
    function: str  # name of the function: softmax, layer_norm, …
    is_softmax: bool
    dims: tuple[int, ...]  # dimensions of the tensor that have a size above 1, except for the batch dimension


@dataclass(frozen=True)
class Exchanged:
    """A reshape that results in the shape of a transposed tensor, but does not transpose the values."""

    shape: tuple[int, ...]
    result: tuple[int, ...]  # the shape after the reshape
    dims: tuple[int, ...]  # the order of dimensions, such as (0, 2, 1), with which `permute` gives the resulting shape


@dataclass(frozen=True)
class Mixing:
    """Whether the outputs for one example depend on the other examples of its batch, and through which call."""

    examples: int
    share: float  # share of the batch's other examples whose outputs change when one example is replaced
    by: str  # operation that mixes the examples: recurrence, attention, softmax, reshape; "" if unknown
    batch_first: bool  # the `batch_first` setting of the layer that mixes the examples
    single: tuple[int, ...] = ()  # dimensions of size 1 that the reshape removes
    dim: int = -1  # dimension over which the softmax should normalise


@dataclass(frozen=True)
class TargetLeak:
    """Whether a network that predicts the next element of a sequence can read this element in its input."""

    sees: bool  # whether the outputs depend on later elements of the sequence
    length: int  # length of a sequence, in elements
