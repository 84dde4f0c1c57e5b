"""Presenting examples with large errors more often helps."""

from descend.claims.claim import Claim, Measured, Scale, Settings, below
from descend.claims.experiments.error_weighted import drawn_by_error
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS
from descend.claims.training import Recipe, trained, training_loss
from descend.claims.tuning import tune

PLAIN = Recipe()


class ByError:
    """The training loss with examples drawn by their errors, and in random order."""

    scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        first = tune(lambda lr, seed: training_loss(drawn_by_error(task, PLAIN, lr, seed)), PLAIN.start)
        return {"first": first, "second": tuned(task, PLAIN, training_loss)}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return both losses."""
        task = TASKS[condition]
        by_error = drawn_by_error(task, PLAIN, settings["first"].lr, seed)
        return training_loss(by_error), training_loss(trained(task, PLAIN, settings["second"].lr, seed))


CLAIM = Claim(
    sentence="Presenting examples that produce a large error more frequently speeds training up.",
    source="Optimization for Training Deep Models 2018, Shuffling the training samples; LeCun et al. 1998, §4.2",
    refuted_by="a training loss that is not at least 5 % lower",
    figure="training loss with examples drawn by their errors / in random order",
    expected=below(1.0),
    experiment=ByError(),
    conditions=("digits", "images", "text"),
)
