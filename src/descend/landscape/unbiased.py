"""Whether the gradients of drawn batches have the gradient of the whole as their mean: E⟨g⟩ = G, tested."""

from dataclasses import dataclass

from torch import Tensor

from descend.landscape.gradients import Gradients, gram
from descend.landscape.sign_flips import chance, flipped_lengths
from descend.landscape.spectrum import Estimate

FEWEST = 8  # batches: the least p-value of fewer is above 0.01


@dataclass(frozen=True)
class Bias:
    """How far the mean of the batches' gradients is from that of the whole.

    distance: |mean − G| / |G|; by_chance: what it stays below in 95 of 100 where the batches are unbiased;
    p_value: how often chance alone takes it as far; along: each batch's part along G, in units of |G|: 1 on average.
    """

    distance: float
    by_chance: float
    p_value: float
    along: Estimate

    @property
    def is_found(self) -> bool:
        """Whether the mean is another one, at the 5 % level."""
        return self.p_value < 0.05


def bias(drawn: Gradients, whole: Tensor, seed: int = 0) -> Bias:
    """Test whether the batches' gradients have `whole` (p,) as their mean.

    Each batch's error keeps or changes its sign at random: where errors are symmetric about 0 and independent, each
    choice is as likely as the one seen (`sign_flips`). Batches that are dealt out of one shuffled
    epoch cancel each other's errors: the test then finds a bias less often than its level says, never more often.
    Raises `ValueError` for fewer than 8 batches or a gradient of 0.
    """
    if drawn.count < FEWEST:
        raise ValueError(f"the test needs {FEWEST} batches at least, not {drawn.count}")
    length = float(whole.double().norm())
    if not length > 0:
        raise ValueError("the gradient of the whole is 0: there is nothing to compare the batches with")
    lengths = flipped_lengths(gram(drawn.rows - whole), seed)
    distances = lengths.sqrt() / (drawn.count * length)
    along = (drawn.rows.double() @ whole.double()) / length**2
    by_chance = float(distances.quantile(0.95))
    return Bias(float(distances[0]), by_chance, chance(lengths), Estimate(tuple(along.tolist())))
