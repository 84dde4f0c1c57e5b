"""Large batches generalise worse."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.equal_loss import AtEqualLoss
from descend.claims.training import held_out_loss

CLAIM = Claim(
    sentence="The minima that large batches find are harder to generalise from: the held-out loss is higher at the "
    "same training loss.",
    source="Cheng, COMP5211 lecture 4, Sharp vs wide local minimum; Keskar et al. 2017, §2",
    refuted_by="a held-out loss with small batches that is not at least 5 % lower, at the same training loss",
    figure="held-out loss with batches of 32 / with all examples, at one training loss",
    expected=below(1.0),
    experiment=AtEqualLoss(held_out_loss),
    conditions=("digits", "table", "images"),
)
