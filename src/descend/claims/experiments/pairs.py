"""Experiments with two trainings, each with its own tuned learning rate."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite, log

from descend.claims.claim import Measured, Scale, Settings, Tuned
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, Run, trained, training, training_loss
from descend.claims.tuning import tune
from descend.core.bound import Bound, Count

Cost = Callable[[Run], float]  # positive; lower is better
LOOKS = Count(10, "steps between two values of the curve", "chosen: the resolution of the steps to a loss")
LONGER = Bound(4.0, "multiple of the other side's steps", "chosen: a run that needs more is far from as fast")
SMOOTH = Bound(0.3, "weight of a new value of the curve", "chosen: about the mean of the last five values")


@dataclass(frozen=True)
class Pair:
    """The cost of a first training divided by that of a second one."""

    first: Recipe
    second: Recipe
    cost: Cost = training_loss
    one_lr: bool = False  # whether both have the learning rate that is best for the second
    scale: Scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        second = tuned(task, self.second, self.cost)
        return {"first": second if self.one_lr else tuned(task, self.first, self.cost), "second": second}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the costs of both."""
        task = TASKS[condition]
        sides = ((self.first, settings["first"].lr), (self.second, settings["second"].lr))
        return tuple(self.cost(trained(task, recipe, lr, seed)) for recipe, lr in sides)


@dataclass(frozen=True)
class Sooner:
    """The steps of a first training to the final loss of a second one, divided by the steps of the second.

    Both learning rates are tuned for the mean logarithm of the loss along the curve. A run that does not get there
    within four times the steps needs infinitely many: nothing else is known of it.
    """

    first: Recipe
    second: Recipe
    loss: Cost = lambda run: run.monitored
    scale: Scale = Scale.STEPS

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        return {
            "first": tuned_for_curve(task, self.first, self.loss),
            "second": tuned_for_curve(task, self.second, self.loss),
        }

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the steps of both to the final loss of the second."""
        task = TASKS[condition]
        reference = curve(task, self.second, settings["second"].lr, seed, self.loss)
        target = reference[-1][1]
        longer = self.first.with_steps(self.first.steps * LONGER)
        first = curve(task, longer, settings["first"].lr, seed, self.loss, target)
        return steps_to(first, target), steps_to(reference, target)


def curve(task: Task, recipe: Recipe, lr: float, seed: int, loss: Cost, target: float = 0.0) -> list[tuple[int, float]]:
    """Return steps and the smoothed loss at them; the curve ends early at a target, or if the loss is no number."""
    found: list[tuple[int, float]] = []
    for run in training(task, recipe, lr, seed):
        if run.step % LOOKS == 0 or run.step == run.total or not isfinite(run.loss):
            now = loss(run)
            found.append((run.step, now if not found else SMOOTH * now + (1 - SMOOTH) * found[-1][1]))
            if found[-1][1] <= target or not isfinite(run.loss):
                break
    return found


def mean_loss(found: list[tuple[int, float]]) -> float:
    """Return the geometric mean of the loss along a curve."""
    return exp(sum(log(max(value, 1e-12)) for _, value in found) / len(found))


def steps_to(found: list[tuple[int, float]], target: float) -> float:
    """Return the first step with at most this loss; infinity without one."""
    return next((float(step) for step, value in found if value <= target), inf)


def tuned(task: Task, recipe: Recipe, cost: Cost) -> Tuned:
    """Return the best learning rate of a recipe by the cost at the end of its runs."""
    return tune(lambda lr, seed: cost(trained(task, recipe, lr, seed)), recipe.start)


def tuned_for_curve(task: Task, recipe: Recipe, loss: Cost) -> Tuned:
    """Return the learning rate of a recipe with the lowest geometric mean of the loss along its curve."""
    return tune(lambda lr, seed: mean_loss(curve(task, recipe, lr, seed, loss)), recipe.start)
