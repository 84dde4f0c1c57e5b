"""Adaptive learning rates are useful for sparse features."""

from torch.optim import SGD, Adagrad

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, held_out_loss, of

CLAIM = Claim(
    sentence="Adaptive learning rates are particularly useful for sparse features: Adagrad reaches a lower held-out "
    "loss than SGD.",
    source="Ruder 2017, Which optimizer to choose?; Cheng, COMP5211 lecture 4, Adagrad; Duchi et al. 2011",
    refuted_by="a held-out loss of Adagrad that is not lower on data with rare features",
    figure="held-out loss of Adagrad / SGD with momentum 0.9",
    expected=below(1.0, relevant=0.01),
    experiment=Pair(
        Recipe(optimizer=of(Adagrad), start=0.1), Recipe(optimizer=of(SGD, momentum=0.9), start=0.1), held_out_loss
    ),
    conditions=("words", "clicks"),
    caution="Both models are linear. A held-out loss has a floor that no optimizer passes, so 1 % counts as relevant.",
)
