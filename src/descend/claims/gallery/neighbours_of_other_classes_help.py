"""Successive examples of different classes teach more."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, ordered_by
from descend.data import Reshuffled, SpreadClasses

CLAIM = Claim(
    sentence="Networks learn fastest from the most unexpected example: it helps if successive examples rarely belong "
    "to one class.",
    source="Optimization for Training Deep Models 2018, Shuffling the training samples; LeCun et al. 1998, §4.2",
    refuted_by="a training loss that is not at least 5 % lower",
    figure="training loss with neighbours of other classes / in random order, one example in each step",
    expected=below(1.0),
    experiment=Pair(
        Recipe(batch_size=1, steps=4, start=0.01, batches=ordered_by(lambda data, seed: SpreadClasses(data.y, seed))),
        Recipe(batch_size=1, steps=4, start=0.01, batches=ordered_by(lambda data, seed: Reshuffled(len(data.y), seed))),
    ),
    conditions=("digits", "images"),
)
