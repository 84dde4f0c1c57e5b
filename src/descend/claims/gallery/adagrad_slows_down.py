"""Adagrad reduces its learning rate too much."""

from torch.optim import Adagrad, RMSprop

from descend.claims.claim import Claim, above
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, of

CLAIM = Claim(
    sentence="Adagrad reduces its learning rate too much: after a long training its loss is higher than RMSprop's, "
    "which forgets old gradients.",
    source="Ruder 2017, Adagrad; Optimization for Training Deep Models 2018, Knob 3b: Adaptive step sizes",
    refuted_by="a training loss of Adagrad that is not at least 5 % higher after four times the usual steps",
    figure="training loss of Adagrad / RMSprop after four times the usual steps",
    expected=above(1.0),
    experiment=Pair(
        Recipe(optimizer=of(Adagrad), start=0.03, steps=4), Recipe(optimizer=of(RMSprop), start=0.001, steps=4)
    ),
    conditions=("digits", "text", "table"),
)
