"""Adam slightly outperforms RMSprop."""

from torch.optim import Adam, RMSprop

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, of

CLAIM = Claim(
    sentence="Adam slightly outperforms RMSprop: its final training loss is lower.",
    source="Ruder 2017, Which optimizer to choose?; Kingma & Ba 2015, §6.4",
    refuted_by="a training loss of Adam that is not at least 5 % lower",
    figure="training loss of Adam / RMSprop",
    expected=below(1.0),
    experiment=Pair(Recipe(optimizer=of(Adam), start=0.001), Recipe(optimizer=of(RMSprop), start=0.001)),
    conditions=("digits", "text", "table", "images"),
)
