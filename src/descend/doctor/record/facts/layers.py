"""What was seen of layers: how wide they are, what they apply, how long they remember."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activation:
    """A function that is applied to the outputs of a layer."""

    function: str  # relu, tanh, …
    units: int  # of the layer
    file: str  # where it is called; "" where that is not in the script
    line: int  # 0 where that is not in the script


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer that reads its sequences in one direction."""

    function: str  # lstm, gru, rnn_tanh, …
    length: int  # of a sequence, in steps


@dataclass(frozen=True)
class RunningStatistics:
    """Normalisations of one momentum, whose statistics follow those of the batches."""

    momentum: float  # the share of a new batch
    updates: int  # by so many batches: of the normalisation that has seen the fewest
    remaining: float  # (1 - momentum)^updates: the share that the first values still have
    layer: str  # the first of them


@dataclass(frozen=True)
class UnaveragedBuffers:
    """A loop that hands on a network's parameters to another one, and not its running means."""

    line: int


@dataclass(frozen=True)
class Widths:
    """The linear layers of a network that are one chain."""

    layers: tuple[str, ...]  # their names, from the input on
    inputs: int  # features that the first one takes
    units: tuple[int, ...]  # that each gives
