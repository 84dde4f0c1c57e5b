"""With outliers, presenting examples with large errors more often is disastrous."""

from descend.claims.claim import Claim, Measured, above
from descend.claims.experiments.error_weighted import drawn_by_error
from descend.claims.experiments.single import Single
from descend.claims.tasks import Task
from descend.claims.training import Recipe, held_out_loss, trained


def of_drawn_and_plain(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the held-out loss with examples drawn by their errors, without a guard, and in random order."""
    by_error = drawn_by_error(task, recipe, lr, seed, guard=False)
    return held_out_loss(by_error), held_out_loss(trained(task, recipe, lr, seed))


CLAIM = Claim(
    sentence="Presenting examples with large errors more often can be disastrous if the data contain outliers.",
    source="Optimization for Training Deep Models 2018, Shuffling the training samples; LeCun et al. 1998, §4.2",
    refuted_by="a held-out loss of less than 1.5 times that in random order, with a tenth of the labels wrong",
    figure="held-out loss with examples drawn by their errors / in random order, a tenth of the labels wrong",
    expected=above(1.5),
    experiment=Single(Recipe(wrong=0.1), of_drawn_and_plain, cost=held_out_loss),
    conditions=("digits", "images"),
    caution="`ErrorWeighted` has a guard against outliers, which is switched off here.",
)
