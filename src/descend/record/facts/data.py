"""What was seen of the data: what they are like, what is damaged among them, and which belong together."""

from dataclasses import dataclass


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
class Pairing:
    """The inputs of the network come from other loaders than the targets; each by its number."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class ZeroInput:
    """A layer that is fed nothing but zeros."""

    layer: str  # its class
