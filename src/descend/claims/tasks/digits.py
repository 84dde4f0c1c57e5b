"""Handwritten digits of 8 × 8 pixels: 1,797 images, 1,200 of them for training. scikit-learn ships them."""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from descend.claims.tasks.task import Build, Split, Task, perceptron, random_split
from descend.core.errors import UsageError

TRAIN, PIXELS, CLASSES, WIDTH = 1200, 64, 10, 64


@cache
def _all_digits() -> tuple[Tensor, Tensor]:
    """Return all images as standardised rows, and their classes. Raise `UsageError` without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError("the digits come with scikit-learn: pip install 'descend[examples]'") from None
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32)
    spread = x.std(0)
    return ((x - x.mean(0)) / spread.where(spread > 0, torch.ones_like(spread))).clamp(-5, 5), torch.tensor(data.target)


def _examples(seed: int) -> Split:
    return random_split(*_all_digits(), TRAIN, seed)


def _network(build: Build) -> torch.nn.Module:
    return perceptron(PIXELS, WIDTH, CLASSES, build)


DIGITS = Task("digits", "handwritten digits", _examples, _network, cross_entropy, steps=600, classes=CLASSES)
