"""A new order in each epoch works better than one order for all."""

from collections.abc import Iterator

import torch
from torch import Tensor

from descend.claims.claim import Claim, below
from descend.claims.experiments.pairs import Pair
from descend.claims.tasks import Split
from descend.claims.training import Recipe


def one_order(data: Split, size: int, seed: int) -> Iterator[Tensor]:
    """Yield the same batches in each epoch."""
    order = torch.randperm(len(data.x), generator=torch.Generator().manual_seed(seed))
    while True:
        yield from order[: len(order) - len(order) % size].split(size)


CLAIM = Claim(
    sentence="It works slightly better to draw new batches in each epoch than to go through the same batches again.",
    source="Aitchison, EMAT31530 part 6, Minibatching; Ruder 2017, Additional strategies for optimizing SGD",
    refuted_by="a training loss that is not at least 1 % lower",
    figure="training loss with new batches / with the same batches in each epoch",
    expected=below(1.0, relevant=0.01),
    experiment=Pair(Recipe(), Recipe(batches=one_order), one_lr=True),
    conditions=("digits", "text", "table", "images"),
)
