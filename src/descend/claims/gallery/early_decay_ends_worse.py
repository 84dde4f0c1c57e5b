"""Decaying the learning rate early comes at the expense of long-run performance."""

from descend.claims.claim import Claim, above
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe
from descend.schedules import Constant

DECAYED = 0.05  # factor

CLAIM = Claim(
    sentence="A learning rate that is decayed early comes at the expense of long-run performance.",
    source="Ba, CSC413 lecture 4, SGD Learning Rate",
    refuted_by="a final training loss that is not at least 5 % higher than with a late decay",
    figure="final training loss with a decay at 15 % of the steps / at 80 %",
    expected=above(1.0),
    experiment=Pair(
        Recipe(schedule=lambda steps: Constant().then(Constant(DECAYED), steps * 3 // 20), wrong=0.2),
        Recipe(schedule=lambda steps: Constant().then(Constant(DECAYED), steps * 4 // 5), wrong=0.2),
        one_lr=True,
    ),
    conditions=("digits", "text", "words"),
    caution="A fifth of the labels is drawn at random, so that the gradient noise does not vanish.",
)
