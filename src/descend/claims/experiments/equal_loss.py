"""Small and large batches that are trained to the same training loss (Keskar et al. 2017, §2)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch.optim import SGD

from descend.claims.claim import Measured, Scale, Settings
from descend.claims.experiments.pairs import tuned_for_curve
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, Run, of, trained, training

MOMENTUM = of(SGD, momentum=0.9)
LONGEST = 5.0  # multiple of the task's steps


@dataclass(frozen=True)
class AtEqualLoss:
    """A figure with batches of 32 and with all examples, both where the training loss is that of the former's end."""

    figure: Callable[[Run], float]
    scale: Scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the learning rates with the lowest mean loss along the curve."""
        task = TASKS[condition]
        recipes = {"small": _small(), "large": _large(task)}
        return {name: tuned_for_curve(task, recipe, _monitored) for name, recipe in recipes.items()}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the figure of both; nothing if the large batches do not reach the loss in five times the steps."""
        task = TASKS[condition]
        small = trained(task, _small(), settings["small"].lr, seed)
        target = small.monitored
        for large in training(task, _large(task).with_steps(LONGEST), settings["large"].lr, seed):
            if large.step % 10 == 0 and large.monitored <= target:
                return self.figure(small), self.figure(large)
        return ()


def _monitored(run: Run) -> float:
    return run.monitored


def _small() -> Recipe:
    return Recipe(optimizer=MOMENTUM, start=0.03)


def _large(task: Task) -> Recipe:
    return Recipe(optimizer=MOMENTUM, start=0.1, batch_size=len(task.examples(0).x))
