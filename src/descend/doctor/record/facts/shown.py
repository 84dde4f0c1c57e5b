"""Facts for the pages of `descend show`: progress, sizes, memory."""

from dataclasses import dataclass

from descend.doctor.record.facts.optimizers import Setting

Settings = dict[
    str, Setting | dict[str, Setting]
]  # an optimizer's class and hyper-parameters, by the names that torch uses


@dataclass(frozen=True)
class SavedBytes:
    """Bytes of tensors that the forward pass of one training batch saves for the backward pass."""

    examples: int  # number of examples in the batch
    bytes: int  # saved bytes, without those of the parameters


@dataclass(frozen=True)
class Measuring:
    """The name of the measurement in progress, which the terminal shows, and how far it is."""

    what: str  # description of the measurement, such as `eigenvalues` or `value 40 of 625`; "" after the last one
    done: int = 0  # number of its Hessian-vector products so far
    most: int = 0  # largest number of products that it can take; 0 if it is not known
    seconds: float = 0.0  # seconds since the measurement began


@dataclass(frozen=True)
class NetworkSize:
    """The number of the network's parameters, and the number of examples on which it is measured."""

    parameters: int  # total number of elements of the parameters
    examples: int  # number of fixed examples in all batches
    batches: int


@dataclass(frozen=True)
class ParameterNorms:
    """The Euclidean norms of a parameter and of its gradient."""

    name: str
    shape: tuple[int, ...]
    weight: float
    gradient: float


@dataclass(frozen=True)
class LayerNorms:
    """The norms of all parameters at a point of the run, and the memory of a batch."""

    layers: tuple[ParameterNorms, ...]  # in the order of the optimizer
    examples: int  # number of examples in a batch
    kept_bytes: int  # bytes that the forward pass of a batch saves for the backward pass
    free_bytes: float | None  # free memory of the device; None if the system does not report it
    optimizer: Settings  # the optimizer's settings; empty if there is no optimizer
