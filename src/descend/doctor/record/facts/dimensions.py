"""What was seen of the dimensions of values: which of them are batch, time and entries, and which were taken for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LoneEntry:
    """A normalisation that is over a single entry wherever it is made."""

    module: str  # the layer's qualified name; "" for a function
    shape: tuple[int, ...]  # of what is normalised
    function: str  # softmax, layer_norm, …
    is_softmax: bool
    dims: tuple[int, ...]  # that have several entries, the batch's own left out


@dataclass(frozen=True)
class Exchanged:
    """A change of shape to the same sizes in another order: the values stay in the order they were in."""

    shape: tuple[int, ...]
    result: tuple[int, ...]  # the new shape
    dims: tuple[int, ...]  # the order of dimensions that it pretends to: (0, 2, 1)


@dataclass(frozen=True)
class Mixing:
    """Whether the outputs for an example change when another example of its batch is exchanged, and by what."""

    examples: int
    share: float  # of the other examples, those whose outputs change
    by: str  # recurrence, attention, softmax, reshape; "" for nothing that is known
    batch_first: bool  # whether the layer that mixes them takes the batch first
    single: tuple[int, ...] = ()  # dimensions of one entry that a reshape drops
    dim: int = -1  # that a softmax should be taken along


@dataclass(frozen=True)
class TargetLeak:
    """Targets that are the inputs one element later: whether the outputs change with what comes after them."""

    sees: bool
    length: int  # elements of a sequence
