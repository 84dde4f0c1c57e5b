"""Mini-batches against all examples at once, after as many passes over the data."""

from dataclasses import dataclass

from descend.claims.claim import Measured, Scale, Settings
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, trained, training_loss


@dataclass(frozen=True)
class EqualPasses:
    """The training loss with batches of 32 and with all examples, each at its best learning rate."""

    passes: int
    scale: Scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        small, whole = self._recipes(task)
        return {
            "first": tuned(task, small, training_loss),
            "second": tuned(task, whole, training_loss),
        }

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return both losses."""
        task = TASKS[condition]
        rates = (settings["first"].lr, settings["second"].lr)
        return tuple(training_loss(trained(task, r, lr, seed)) for r, lr in zip(self._recipes(task), rates))

    def _recipes(self, task: Task) -> tuple[Recipe, Recipe]:
        """Return the training with small batches and with all examples, of as many passes."""
        count = len(task.examples(0).x)
        small = Recipe(steps=self.passes * (count // 32) / task.steps)
        return small, Recipe(batch_size=count, steps=self.passes / task.steps)
