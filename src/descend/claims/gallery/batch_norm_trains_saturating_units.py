"""Batch normalisation makes deep networks of saturating units trainable."""

from torch import nn
from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.tasks import Build
from descend.claims.training import Recipe, of

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="Batch normalisation makes it possible to train deep networks of saturating units: of four layers of "
    "logistic units.",
    source="Optimization for Training Deep Models 2018, Batch Normalization; Ioffe & Szegedy 2015, §4.2.2",
    refuted_by="a training loss of more than half of that without it",
    figure="training loss with batch normalisation / without",
    expected=below(0.5),
    experiment=Pair(
        Recipe(optimizer=MOMENTUM, build=Build(depth=4, norm=True, activation=nn.Sigmoid)),
        Recipe(optimizer=MOMENTUM, build=Build(depth=4, activation=nn.Sigmoid)),
    ),
    conditions=("digits", "text", "table", "images"),
)
