"""A lower beta2 helps Adam."""

from torch.optim import Adam

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, held_out_loss, of

CLAIM = Claim(
    sentence="Lowering the beta2 of Adam from 0.999 to 0.9 has a large positive impact on the final performance.",
    source="Ruder 2017, Case studies; Dozat & Manning 2017, §3.2",
    refuted_by="a held-out loss that is not at least 5 % lower",
    figure="held-out loss with beta2 = 0.9 / 0.999",
    expected=below(1.0),
    experiment=Pair(
        Recipe(optimizer=of(Adam, betas=(0.9, 0.9)), start=0.001),
        Recipe(optimizer=of(Adam), start=0.001),
        held_out_loss,
    ),
    conditions=("digits", "text", "words", "table"),
    caution="The report is of a parser of sentences, with recurrent networks; these tasks are smaller.",
)
