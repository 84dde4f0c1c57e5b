"""Test whether batch gradients are unbiased: their expectation must be the full gradient."""

from dataclasses import dataclass

from torch import Tensor

from descend.landscape.gradients import Gradients, gram
from descend.landscape.sign_flips import flipped_lengths, p_value_of_first
from descend.landscape.spectrum import Estimate

FEWEST = 8  # smallest number of batches; with fewer, the smallest possible p-value is above 0.01


@dataclass(frozen=True)
class Bias:
    """The result of a test for bias: the distance of the mean batch gradient from the full gradient G, and its p-value.

    distance: |mean − G| / |G|. by_chance: 95 % quantile of the distance for unbiased batches. p_value: probability of
    so large a distance for unbiased batches. along: component of each batch gradient along G, in units of |G|.
    """

    distance: float
    by_chance: float
    p_value: float
    along: Estimate

    @property
    def is_found(self) -> bool:
        """Return whether the test finds that the batch gradients are biased, at the 5 % level."""
        return self.p_value < 0.05


def bias(drawn: Gradients, whole: Tensor, seed: int = 0) -> Bias:
    """Test whether the batch gradients `drawn` have the full gradient `whole`, ``(parameters,)``, as expectation.

    The test flips the signs of the batches' errors at random (`sign_flips`), so the errors must be independent and
    symmetric about 0. Errors of batches from one shuffled epoch cancel each other, so the test then reports a bias less
    often than its level allows, never more often.

    Parameters
    ----------
    drawn : Gradients
        The gradients of the batches.
    whole : torch.Tensor
        The gradient of the loss on all examples, of shape ``(parameters,)``.
    seed : int
        The seed of the sign flips.

    Returns
    -------
    Bias
        The distance of the mean batch gradient from `whole`, and its p-value.

    Raises
    ------
    ValueError
        For fewer than 8 batches or a gradient of 0.
    """
    if drawn.count < FEWEST:
        raise ValueError(f"the test for bias needs at least {FEWEST} batches, not {drawn.count}")
    length = float(whole.double().norm())
    if not length > 0:
        raise ValueError("the full gradient is 0, so batch gradients cannot be compared with it")
    lengths = flipped_lengths(gram(drawn.rows - whole), seed)
    distances = lengths.sqrt() / (drawn.count * length)
    along = (drawn.rows.double() @ whole.double()) / length**2
    by_chance = float(distances.quantile(0.95))
    return Bias(float(distances[0]), by_chance, p_value_of_first(lengths), Estimate(tuple(along.tolist())))
