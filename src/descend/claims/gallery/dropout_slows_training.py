"""Dropout converges more slowly."""

from torch.optim import SGD

from descend.claims.claim import Claim, above
from descend.claims.experiments.pairs import Sooner
from descend.claims.tasks import Build
from descend.claims.training import Recipe, of

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="Dropout slows convergence.",
    source="Optimization for Training Deep Models 2018, Dropout",
    refuted_by="no more steps than without dropout",
    figure="steps with dropout / without, to the final training loss of the latter",
    expected=above(1.0),
    experiment=Sooner(
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(dropout=0.5)), Recipe(optimizer=MOMENTUM, start=0.03)
    ),
    conditions=("digits", "text", "table", "images"),
    caution="The training loss is computed in evaluation mode, without dropout.",
)
