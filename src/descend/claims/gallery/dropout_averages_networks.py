"""Dropout acts as an average over many networks."""

import torch
from torch.optim import SGD

from descend.claims.claim import Claim, Expected, Measured
from descend.claims.experiments.single import Single
from descend.claims.tasks import Build, Task
from descend.claims.training import Recipe, held_out_loss, of, trained

NETWORKS = 100


def of_scaled_and_average(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the held-out loss of the network with scaled weights, and of the mean of networks with random masks."""
    run = trained(task, recipe, lr, seed)
    scaled = held_out_loss(run)
    run.model.train()
    with torch.no_grad():
        mean = torch.stack([run.model(run.data.x_out).log_softmax(1) for _ in range(NETWORKS)]).mean(0)
        return scaled, task.loss(mean, run.data.y_out).item()


CLAIM = Claim(
    sentence="Dropout can be viewed as an average over many networks: with scaled weights the network predicts what "
    "the networks with random masks predict on average.",
    source="Optimization for Training Deep Models 2018, Dropout; Srivastava et al. 2014, §7.5",
    refuted_by="a held-out loss that differs by more than a tenth",
    figure="held-out loss of the network with scaled weights / of the geometric mean of 100 random networks",
    expected=Expected(0.9, 1.1, relevant=0.0),
    experiment=Single(
        Recipe(optimizer=of(SGD, momentum=0.9), start=0.03, build=Build(dropout=0.5)), of_scaled_and_average
    ),
    conditions=("digits", "text", "images"),
)
