"""Batch normalisation permits higher learning rates."""

from collections.abc import Sequence

from descend.claims.claim import Claim, Measured, Scale, Settings, above
from descend.claims.experiments.untuned import Untuned
from descend.claims.tasks import TASKS, Build, Task
from descend.claims.training import Recipe, trained, training

RATES = tuple(0.01 * 2**power for power in range(16))  # up to 328
SHARE = 0.25  # of the task's steps


class LargestRate(Untuned):
    """The largest learning rate with which plain SGD ends with a lower loss than it began, with and without."""

    scale = Scale.RATIO

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the largest learning rate with batch normalisation, and without."""
        builds = (Build(depth=4, norm=True), Build(depth=4))
        recipes = (Recipe(build=build, steps=SHARE) for build in builds)
        return tuple(_largest(TASKS[condition], recipe, RATES, seed) for recipe in recipes)


def _largest(task: Task, recipe: Recipe, rates: Sequence[float], seed: int) -> float:
    """Return the largest learning rate with which the network learns, or the smallest one if it learns with no rate."""
    before = next(training(task, recipe, 0.0, seed)).monitored
    working = [rate for rate in rates if trained(task, recipe, rate, seed).monitored < 0.9 * before]
    return max(working, default=rates[0])


CLAIM = Claim(
    sentence="Batch normalisation permits much higher learning rates.",
    source="Optimization for Training Deep Models 2018, Batch Normalization; Ioffe & Szegedy 2015, §3.3",
    refuted_by="a largest working learning rate that is less than twice as large",
    figure="largest learning rate that lowers the loss by a tenth, with batch normalisation / without",
    expected=above(2.0),
    experiment=LargestRate(),
    conditions=("digits", "text", "table", "images"),
    caution="Learning rates are powers of 2, so a figure has a resolution of a factor of 2.",
)
