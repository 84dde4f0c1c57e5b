"""Batch normalisation speeds training up by 1.5 to 2 times."""

from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Sooner
from descend.claims.tasks import Build
from descend.claims.training import Recipe, of

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="Batch normalisation often speeds training up by 1.5 to 2 times.",
    source="Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization; Ioffe & Szegedy 2015",
    refuted_by="more than two thirds of the steps of the network without it",
    figure="steps with batch normalisation / without, to the final training loss of the latter",
    expected=below(1 / 1.5),
    experiment=Sooner(
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(depth=4, norm=True)),
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(depth=4)),
    ),
    conditions=("digits", "text", "table", "images"),
    caution="Networks with four hidden layers, steps of equal batches; a step with it takes longer.",
)
