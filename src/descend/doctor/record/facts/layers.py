"""Facts about layers: widths, activations, sequence lengths, running statistics."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activation:
    """An activation function that is applied to a layer's outputs."""

    function: str  # name of the activation function: relu, tanh, …
    units: int  # number of units (features) of the layer
    file: str  # source file of the call; "" if the call is not in the script
    line: int  # source line of the call; 0 if the call is not in the script


@dataclass(frozen=True)
class Recurrent:
    """A unidirectional recurrent layer, and the length of its input sequences."""

    function: str  # kind of the layer: lstm, gru, rnn_tanh, …
    length: int  # length of a sequence, in time steps


@dataclass(frozen=True)
class RunningStatistics:
    """The normalisation layers that update their running statistics with the same momentum."""

    momentum: float  # weight of a new batch in the running statistics
    updates: int  # smallest number of updates of the running statistics of one of these layers
    remaining: float  # weight of the initial values in the running statistics, (1 - momentum)^updates
    layer: str  # name of the first of these normalisation layers


@dataclass(frozen=True)
class UnaveragedBuffers:
    """A loop that copies or averages a network's parameters into another one, but not its buffers."""

    line: int


@dataclass(frozen=True)
class Widths:
    """The numbers of input and output features of consecutive linear layers."""

    layers: tuple[str, ...]  # names of the layers, in order from the input
    inputs: int  # number of input features of the first layer
    units: tuple[int, ...]  # number of output features of each layer
