"""Gradient noise makes networks robust to poor initial weights."""

from torch import Tensor, nn

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe
from descend.network import initialise


def start_at_zero(model: nn.Module, inputs: Tensor) -> object:
    """Set all weights of a network's layers to 0."""
    return initialise(model, "zeros", inputs)


CLAIM = Claim(
    sentence="Gradient noise makes a network robust to poor initial weights: it learns although all weights are 0 at "
    "first.",
    source="Ruder 2017, Additional strategies for optimizing SGD; Neelakantan et al. 2015",
    refuted_by="a training loss of more than half of that without noise",
    figure="training loss with gradient noise of variance 0.01 / without",
    expected=below(0.5),
    experiment=Pair(Recipe(change_weights=start_at_zero, noise=0.01), Recipe(change_weights=start_at_zero)),
    conditions=("digits", "table", "images"),
)
