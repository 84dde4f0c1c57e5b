"""Adam with two restarts and annealing converges faster than SGD."""

from torch.optim import SGD, Adam

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Sooner
from descend.claims.training import Recipe, held_out_loss, of
from descend.schedules import Step, WarmRestarts

CLAIM = Claim(
    sentence="Adam with two restarts and annealing converges faster than SGD with annealing.",
    source="Ruder 2017, Tuned SGD vs. Adam; Denkowski & Neubig 2017, §3",
    refuted_by="as many steps as SGD, to SGD's final held-out loss",
    figure="steps of Adam with two restarts / SGD, to the final held-out loss of the latter",
    expected=below(1.0),
    experiment=Sooner(
        Recipe(optimizer=of(Adam), start=0.001, schedule=lambda steps: WarmRestarts(max(1, steps // 3))),
        Recipe(optimizer=of(SGD), schedule=lambda steps: Step(max(1, steps // 3), 0.5)),
        held_out_loss,
    ),
    conditions=("digits", "text", "words", "table"),
)
