"""Early stopping is a free lunch."""

from dataclasses import replace

from torch.optim import Adam

from descend.claims.claim import Claim, Measured, below
from descend.claims.experiments.single import Single
from descend.claims.tasks import Build, Task
from descend.claims.training import Recipe, held_out_loss, of, training

EVERY = 20  # steps between two validations


def of_stopped_and_complete(task: Task, recipe: Recipe, lr: float, seed: int) -> Measured:
    """Return the test loss where the validation loss was lowest, and at the end; both halves are held out."""
    best, stopped = float("inf"), float("nan")
    for run in training(task, recipe, lr, seed):
        if run.step % EVERY == 0 or run.step == run.total:
            half = len(run.data.x_out) // 2
            validation = run.loss_on(run.data.x_out[:half], run.data.y_out[:half])
            test = run.loss_on(run.data.x_out[half:], run.data.y_out[half:])
            if validation < best:
                best, stopped = validation, test
    return stopped, test


CLAIM = Claim(
    sentence="Early stopping is a free lunch: the network with the lowest validation loss has a lower test loss than "
    "that after all steps.",
    source="Ruder 2017, Additional strategies for optimizing SGD (Geoff Hinton)",
    refuted_by="a test loss that is not at least 5 % lower",
    figure="test loss where the validation loss is lowest / at the end",
    expected=below(1.0),
    experiment=Single(
        replace(Recipe(optimizer=of(Adam), start=0.001, build=Build(width=2), steps=2)),
        of_stopped_and_complete,
        cost=held_out_loss,
    ),
    conditions=("digits", "text", "table", "images"),
    caution="The learning rate is the one with the lowest held-out loss after all steps, which favours the end.",
)
