"""Over-parameterised networks are easier to optimise."""

from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Sooner
from descend.claims.tasks import Build
from descend.claims.training import Recipe, of

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="Large networks are easier to optimise: a network of four times the width needs fewer steps to the loss "
    "of the narrow one.",
    source="Optimization for Training Deep Models 2018, Neural Network Optimization; Ba, CSC413 lecture 4, Local "
    "Minima",
    refuted_by="as many steps as the narrow network",
    figure="steps of the wide network / the narrow one, to the final training loss of the latter",
    expected=below(1.0),
    experiment=Sooner(
        Recipe(optimizer=MOMENTUM, start=0.03, build=Build(width=4)), Recipe(optimizer=MOMENTUM, start=0.03)
    ),
    conditions=("digits", "text", "table", "images"),
    caution="Steps are counted, not operations: a step of the wide network takes longer.",
)
