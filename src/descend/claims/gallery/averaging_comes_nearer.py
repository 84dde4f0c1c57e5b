"""The mean of the iterates is nearer to the optimum than the last one."""

from descend.claims.claim import Claim, Measured, below
from descend.claims.experiments.averages import averaged
from descend.claims.experiments.single import Single
from descend.claims.tasks import Build, Task
from descend.claims.training import Recipe, training_loss


def of_mean_and_last(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the training loss of the mean of the last half of the iterates, and of the last one."""
    last, mean = averaged(task, recipe, lr, seed)
    return training_loss(mean), training_loss(last)


CLAIM = Claim(
    sentence="Iterate averaging reduces the fluctuations: the mean of the iterates has a lower loss than the last one.",
    source="Ba, CSC413 lecture 4, Recap; Polyak & Juditsky 1992",
    refuted_by="a training loss of the mean that is not at least 1 % lower",
    figure="training loss of the mean of the last half of the iterates / of the last one",
    expected=below(1.0, relevant=0.01),
    experiment=Single(Recipe(batch_size=8, steps=2, build=Build(depth=0), wrong=0.2), of_mean_and_last),
    conditions=("digits", "words"),
    caution="Linear models with a fifth of the labels drawn at random: convex losses that never reach 0.",
)
