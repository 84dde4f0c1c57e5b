"""A growing batch has the effect of a decaying learning rate."""

from collections.abc import Iterator

import torch
from torch import Tensor

from descend.claims.claim import Claim, Expected
from descend.claims.experiments.pairs import Pair
from descend.claims.tasks import Split
from descend.claims.training import Recipe
from descend.data import GrowingBatches, Reshuffled
from descend.schedules import Step

FACTOR, THIRD = 4, 200  # a third of the steps of both tasks
STEPS = THIRD + THIRD // FACTOR + THIRD // FACTOR**2  # as many examples in each third


def growing(data: Split, size: int, seed: int) -> Iterator[Tensor]:
    """Yield batches that are 4 times as large after a third of the examples, and 16 times after two thirds."""
    batches = GrowingBatches(
        Reshuffled(len(data.x), seed),
        size,
        lambda step: 1 if step < THIRD else FACTOR if step < THIRD + THIRD // FACTOR else FACTOR**2,
    )
    while True:
        yield from map(torch.tensor, batches)


CLAIM = Claim(
    sentence="Increasing the batch size has the same effect as decaying the learning rate, with fewer steps.",
    source="Ruder 2017, Tuned SGD vs. Adam; Smith et al. 2018",
    refuted_by="a training loss that differs by more than a tenth",
    figure=f"training loss with a growing batch, {STEPS} steps / with a decaying learning rate, {3 * THIRD} steps",
    expected=Expected(0.9, 1.1, relevant=0.0),
    experiment=Pair(
        Recipe(batches=growing, steps=STEPS / (3 * THIRD)),
        Recipe(schedule=lambda steps: Step(steps // 3, 1 / FACTOR)),
        one_lr=True,
    ),
    conditions=("digits", "table"),
    caution="Both see as many examples and have the learning rate that is best for the decay.",
)
