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
    by: str  # operation that mixes the examples: attention, softmax; "" if unknown
    batch_first: bool  # the `batch_first` setting of the layer that mixes the examples
    dim: int = -1  # dimension over which the softmax should normalise


@dataclass(frozen=True)
class OrderDependence:
    """The first call whose result is not permuted alike if the examples of the batch are permuted.

    Or the first one that takes, by an index with a number for each example, entries of all pairs of examples.
    """

    examples: int
    by: str  # how: recurrence, reshape, reorder, gather, pairs, positions, pairing, other
    function: str
    line: int  # line number in the script; 0 if unknown
    shape: tuple[int, ...]  # shape of the call's first tensor argument
    result: tuple[int, ...]  # shape of the result
    in_network: bool  # whether the call depends on the parameters
    batch_first: bool = False  # the `batch_first` setting of a recurrent layer
    axes: tuple[int, ...] = ()  # the axes along which `roll` or `flip` moves values
    order: tuple[int, ...] = ()  # the order of axes with which a permute before a reshape keeps the examples apart


@dataclass(frozen=True)
class TargetLeak:
    """Whether a network that predicts the next element of a sequence can read this element in its input."""

    sees: bool  # whether the outputs depend on later elements of the sequence
    length: int  # length of a sequence, in elements
