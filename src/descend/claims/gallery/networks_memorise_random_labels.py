"""Neural networks memorise random labels."""

import torch
from torch.optim import Adam

from descend.claims.claim import Claim, Measured, Scale, above
from descend.claims.experiments.single import Single
from descend.claims.tasks import Build, Task
from descend.claims.training import Recipe, of, trained


def training_accuracy(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the share of the random training labels that the network predicts."""
    run = trained(task, recipe, lr, seed)
    run.model.eval()
    with torch.no_grad():
        return ((run.model(run.data.x).argmax(1) == run.data.y).float().mean().item(),)


CLAIM = Claim(
    sentence="Neural networks can memorise random labels completely.",
    source="Ruder 2017, Understanding generalization in Deep Learning; Zhang et al. 2017, §2",
    refuted_by="a training accuracy on random labels below 99 %",
    figure="training accuracy on random labels",
    expected=above(0.99, relevant=0.001),
    experiment=Single(
        Recipe(optimizer=of(Adam), start=0.001, build=Build(width=4), steps=5, wrong=1.0),
        training_accuracy,
        Scale.VALUE,
    ),
    conditions=("digits", "images"),
    caution="Networks of four times the usual width, for five times the usual steps.",
)
