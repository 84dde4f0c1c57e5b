"""Experiments with one training, whose learning rate is tuned, and a figure of it."""

from collections.abc import Callable
from dataclasses import dataclass

from descend.claims.claim import Measured, Scale, Settings
from descend.claims.experiments.pairs import Cost, tuned
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, training_loss


@dataclass(frozen=True)
class Single:
    """A figure of a task, at the learning rate that is best for a recipe.

    figure: called with the task, the recipe, the learning rate and the seed. It returns the figure, or two costs whose
    ratio is the figure, or nothing if the run shows none.
    """

    recipe: Recipe
    figure: Callable[[Task, Recipe, float, int], Measured]
    scale: Scale = Scale.RATIO
    cost: Cost = training_loss

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rate."""
        return {"lr": tuned(TASKS[condition], self.recipe, self.cost)}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the figure of one seed."""
        return self.figure(TASKS[condition], self.recipe, settings["lr"].lr, seed)
