"""Tuned SGD with momentum is competitive with Adam."""

from torch.optim import SGD, Adam

from descend.claims.claim import Claim, Expected
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, held_out_loss, of
from descend.schedules import Cosine

CLAIM = Claim(
    sentence="SGD with momentum, a tuned learning rate and annealing is competitive with Adam: its held-out loss is at "
    "most 5 % higher.",
    source="Ruder 2017, Tuned SGD vs. Adam; Zhang & Mitliagkas 2017, §4",
    refuted_by="a held-out loss of SGD that is more than 5 % higher",
    figure="held-out loss of tuned SGD with momentum / Adam",
    expected=Expected(high=1.05, relevant=0.0),
    experiment=Pair(
        Recipe(optimizer=of(SGD, momentum=0.9), start=0.03, schedule=lambda steps: Cosine(steps)),
        Recipe(optimizer=of(Adam), start=0.001, schedule=lambda steps: Cosine(steps)),
        held_out_loss,
    ),
    conditions=("digits", "text", "words", "table", "images", "clicks"),
)
