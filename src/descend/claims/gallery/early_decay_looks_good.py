"""Decaying the learning rate makes the loss drop at once."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe
from descend.schedules import Constant

DECAYED = 0.05  # factor

CLAIM = Claim(
    sentence="A learning rate that is decayed early makes the loss drop at once, because the fluctuations end.",
    source="Ba, CSC413 lecture 4, SGD Learning Rate",
    refuted_by="a training loss shortly after the decay that is not at least 5 % lower than without it",
    figure="training loss at one fifth of the steps, with a decay at 15 % / without",
    expected=below(1.0),
    experiment=Pair(
        Recipe(steps=0.2, schedule=lambda steps: Constant().then(Constant(DECAYED), max(1, steps * 3 // 4)), wrong=0.2),
        Recipe(steps=0.2, wrong=0.2),
        one_lr=True,
    ),
    conditions=("digits", "text", "words"),
    caution="A fifth of the labels is drawn at random, so that the gradient noise does not vanish.",
)
