"""Averaging the iterates does what a decaying learning rate does."""

from descend.claims.claim import Claim, Expected, Measured, Scale, Settings
from descend.claims.experiments.averages import averaged
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Build
from descend.claims.training import Recipe, trained, training_loss
from descend.claims.tuning import tune
from descend.schedules import Cosine

CONSTANT = Recipe(batch_size=8, steps=2, build=Build(depth=0), wrong=0.2)
DECAYING = Recipe(batch_size=8, steps=2, build=Build(depth=0), wrong=0.2, schedule=lambda steps: Cosine(steps))


class AverageOrDecay:
    """The training loss of averaged iterates at a constant learning rate, and of a decaying one."""

    scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        first = tune(lambda lr, seed: training_loss(averaged(task, CONSTANT, lr, seed)[1]), CONSTANT.start)
        return {"first": first, "second": tuned(task, DECAYING, training_loss)}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return both losses."""
        task = TASKS[condition]
        mean = averaged(task, CONSTANT, settings["first"].lr, seed)[1]
        return training_loss(mean), training_loss(trained(task, DECAYING, settings["second"].lr, seed))


CLAIM = Claim(
    sentence="Averaging the iterates at a constant learning rate does what decaying it does.",
    source="Ba, CSC413 lecture 4, Recap; Polyak & Juditsky 1992",
    refuted_by="a training loss that differs by more than 5 %",
    figure="training loss of averaged iterates / with a decaying learning rate",
    expected=Expected(0.95, 1.05, relevant=0.0),
    experiment=AverageOrDecay(),
    conditions=("digits", "words"),
    caution="Linear models with a fifth of the labels drawn at random: convex losses that never reach 0.",
)
