"""Dropout improves generalisation."""

from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.tasks import Build
from descend.claims.training import Recipe, held_out_loss, of

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="Dropout significantly improves generalisation.",
    source="Optimization for Training Deep Models 2018, Dropout",
    refuted_by="a held-out loss that is not at least 5 % lower",
    figure="held-out loss with dropout 0.5 / without, after twice the usual steps",
    expected=below(1.0),
    experiment=Pair(
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(width=2, dropout=0.5), steps=2),
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(width=2), steps=2),
        held_out_loss,
    ),
    conditions=("digits", "text", "table", "images"),
)
