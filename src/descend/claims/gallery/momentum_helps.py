"""Momentum sometimes helps a lot."""

from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, of

CLAIM = Claim(
    sentence="Momentum sometimes helps a lot: with momentum 0.9 the final training loss is less than half of that of "
    "plain SGD.",
    source="Ba, CSC413 lecture 4, Momentum",
    refuted_by="a final training loss of more than half of that of plain SGD on all data",
    figure="training loss with momentum 0.9 / without",
    expected=below(0.5),
    experiment=Pair(Recipe(optimizer=of(SGD, momentum=0.9), start=0.03), Recipe()),
    conditions=("digits", "text", "table", "images"),
    holds_for="some",
)
