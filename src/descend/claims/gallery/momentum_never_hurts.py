"""Momentum almost never hurts."""

from torch.optim import SGD

from descend.claims.claim import Claim, Expected
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, held_out_loss, of

CLAIM = Claim(
    sentence="Momentum almost never hurts: with momentum 0.9 the held-out loss is at most 5 % higher than with plain "
    "SGD.",
    source="Ba, CSC413 lecture 4, Momentum",
    refuted_by="a held-out loss that is more than 5 % higher with momentum",
    figure="held-out loss with momentum 0.9 / without",
    expected=Expected(high=1.05, relevant=0.0),
    experiment=Pair(Recipe(optimizer=of(SGD, momentum=0.9), start=0.03), Recipe(), held_out_loss),
    conditions=("digits", "text", "words", "table", "images", "clicks"),
)
