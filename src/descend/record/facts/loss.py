"""What was seen of the loss: what it is given and by which terms it is made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Divergence:
    """The range of the probabilities that a Kullback-Leibler divergence is given where it takes their logarithms."""

    min: float
    max: float


@dataclass(frozen=True)
class MixedReductions:
    """A term of the loss that is summed, or averaged over fewer values, beside a loss averaged over all of its own."""

    examples: int  # in the batch
    function: str  # of the loss that is averaged: mse_loss
    values: int  # of each example, that the loss is averaged over
    own: int  # values of each example that the term is averaged over; 1 where it is summed
    over_batch: bool  # whether the term is summed over the batch, too


@dataclass(frozen=True)
class NotFinite:
    """The first call that makes the loss NaN or infinite, and the range of what it was given."""

    function: str
    is_partial: bool  # whether it is defined for a part of the numbers only
    min: float
    max: float
    is_masked: bool = False  # whether it was given -inf, as a mask writes it
