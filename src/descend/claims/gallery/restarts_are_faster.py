"""SGD with warm restarts is two to four times faster."""

from torch.optim import SGD

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Sooner
from descend.claims.training import Recipe, held_out_loss, of
from descend.schedules import Step, WarmRestarts

MOMENTUM = of(SGD, momentum=0.9)

CLAIM = Claim(
    sentence="SGD with warm restarts reaches the loss of SGD with step decay two to four times sooner.",
    source="Ruder 2017, SGD with restarts; Loshchilov & Hutter 2017",
    refuted_by="more than half of the steps of step decay",
    figure="steps with warm restarts / with step decay, to the final held-out loss of the latter",
    expected=below(0.5),
    experiment=Sooner(
        Recipe(optimizer=MOMENTUM, start=0.03, schedule=lambda steps: WarmRestarts(max(1, steps // 28), 2)),
        Recipe(optimizer=MOMENTUM, start=0.03, schedule=lambda steps: Step(max(1, steps // 3))),
        held_out_loss,
    ),
    conditions=("digits", "text", "images", "table"),
    caution="Cycles of 1, 2, 4 … parts of the run; the step decay divides the learning rate by 10 twice.",
)
