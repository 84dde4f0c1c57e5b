"""Bias correction helps Adam slightly outperform RMSprop."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, of
from descend.optim import Adam

CLAIM = Claim(
    sentence="Bias correction helps Adam: without it, which is RMSprop with momentum, the final training loss is "
    "higher.",
    source="Ruder 2017, Which optimizer to choose?; Kingma & Ba 2015, §6.4",
    refuted_by="a training loss that is not at least 5 % lower with the correction",
    figure="training loss of Adam with bias correction / without",
    expected=below(1.0),
    experiment=Pair(
        Recipe(optimizer=of(Adam), start=0.001), Recipe(optimizer=of(Adam, bias_correction=False), start=0.001)
    ),
    conditions=("digits", "text", "table", "images"),
)
