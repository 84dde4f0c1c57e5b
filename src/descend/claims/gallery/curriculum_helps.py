"""Training on easy examples first helps."""

from collections.abc import Iterable

import torch

from descend.claims.claim import Claim, Measured, Scale, Settings, below
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, Run, held_out_loss, ordered_by, trained
from descend.claims.tuning import tune
from descend.data import Curriculum
from descend.schedules import Warmup

EPOCHS = 8  # after which all examples are used
PLAIN = Recipe()
TEACHER = Recipe(steps=0.25)


def difficulty(teacher: Run) -> list[float]:
    """Return the loss of each training example under a network that was trained briefly on the same examples."""
    teacher.model.eval()
    with torch.no_grad():
        return [
            teacher.task.loss(teacher.model(x.unsqueeze(0)), y.unsqueeze(0)).item()
            for x, y in zip(teacher.data.x, teacher.data.y)
        ]


class EasyFirst:
    """The held-out loss with a curriculum, and without."""

    scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        plain = tuned(task, PLAIN, held_out_loss)
        easy = tune(lambda lr, seed: held_out_loss(_easy_first(task, lr, plain.lr, seed)), PLAIN.start)
        return {"first": easy, "second": plain}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return both losses."""
        task = TASKS[condition]
        easy = _easy_first(task, settings["first"].lr, settings["second"].lr, seed)
        return held_out_loss(easy), held_out_loss(trained(task, PLAIN, settings["second"].lr, seed))


def _easy_first(task: Task, lr: float, teacher_lr: float, seed: int) -> Run:
    """Return a run that begins with the easiest eighth of the examples."""
    hard = difficulty(trained(task, TEACHER, teacher_lr, seed))

    def sampler(data: object, seed: int) -> Iterable[int]:
        return Curriculum(hard, share=Warmup(EPOCHS), seed=seed)

    return trained(task, Recipe(batches=ordered_by(sampler)), lr, seed)


CLAIM = Claim(
    sentence="A curriculum helps: training first on easy examples gives a lower held-out loss.",
    source="Ruder 2017, Additional strategies for optimizing SGD; Bengio et al. 2009",
    refuted_by="a held-out loss that is not at least 5 % lower with a curriculum",
    figure="held-out loss with easy examples first / in random order",
    expected=below(1.0),
    experiment=EasyFirst(),
    conditions=("digits", "table", "images"),
    caution="An example is easy if a network that was trained briefly on the same data has a low loss on it.",
)
