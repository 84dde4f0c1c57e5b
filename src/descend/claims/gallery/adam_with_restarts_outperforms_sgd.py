"""Adam with two restarts and annealing outperforms SGD."""

from torch.optim import SGD, Adam

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.training import Recipe, held_out_loss, of
from descend.schedules import Step, WarmRestarts

CLAIM = Claim(
    sentence="Adam with two restarts and annealing outperforms SGD with annealing.",
    source="Ruder 2017, Tuned SGD vs. Adam; Denkowski & Neubig 2017, §3",
    refuted_by="a held-out loss that is not at least 5 % lower",
    figure="held-out loss of Adam with two restarts / SGD with annealing",
    expected=below(1.0),
    experiment=Pair(
        Recipe(optimizer=of(Adam), start=0.001, schedule=lambda steps: WarmRestarts(max(1, steps // 3))),
        Recipe(optimizer=of(SGD), schedule=lambda steps: Step(max(1, steps // 3), 0.5)),
        held_out_loss,
    ),
    conditions=("digits", "text", "words", "table"),
)
