"""A fixed part of the training examples shows the progress better than the current batch."""

from statistics import stdev

from descend.claims.claim import Claim, Measured, below
from descend.claims.experiments.single import Single
from descend.claims.tasks import Task
from descend.claims.training import Recipe, training


def noise_of_curves(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the standard deviation of the steps of the curve on fixed examples, and on the current batches."""
    fixed, current = [], []
    for run in training(task, recipe, lr, seed):
        if run.step > run.total // 2:
            fixed.append(run.monitored)
            current.append(run.loss)
    return tuple(stdev(b - a for a, b in zip(curve, curve[1:])) for curve in (fixed, current))


CLAIM = Claim(
    sentence="The loss of the current batch adds a lot of noise to the training curve; a fixed part of the examples "
    "does not.",
    source="Ba, CSC413 lecture 4, Training Curves",
    refuted_by="a curve on fixed examples with more than half of the noise",
    figure="standard deviation of the curve's changes from step to step, fixed examples / current batch",
    expected=below(0.5),
    experiment=Single(Recipe(steps=0.5), noise_of_curves),
    conditions=("digits", "text", "table", "images"),
)
