"""Clicks: a yes-or-no answer from eight of 3,000 features, most of which are rare, for logistic regression.

The features follow Zipf's law, like the words, users and advertisements of click logs (McMahan et al. 2013, §3).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from descend.claims.tasks.task import Build, Split, Task, random_split

FEATURES, ACTIVE, TRAIN, EXAMPLES = 3000, 8, 8000, 12000


def _examples(seed: int) -> Split:
    """Return the numbers of the active features, and answers that are drawn from a logistic model of them."""
    generator = torch.Generator().manual_seed(30_000 + seed)
    frequency = 1 / torch.arange(1, FEATURES + 1, dtype=torch.float32)
    x = torch.multinomial(frequency, EXAMPLES * ACTIVE, replacement=True, generator=generator).view(-1, ACTIVE)
    weights = torch.randn(FEATURES, generator=generator)
    y = (torch.rand(EXAMPLES, generator=generator) < weights[x].sum(1).sigmoid()).float()
    return random_split(x, y.unsqueeze(1), TRAIN, seed)


class _LogisticRegression(nn.Module):
    """A weight for each feature, and a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weights, self.bias = nn.EmbeddingBag(FEATURES, 1, mode="sum"), nn.Parameter(torch.zeros(1))
        nn.init.zeros_(self.weights.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logit of each example, of shape ``(examples, 1)``."""
        return self.weights(features) + self.bias


def _network(build: Build) -> nn.Module:
    return _LogisticRegression()


CLICKS = Task("clicks", "clicks with rare features", _examples, _network, binary_cross_entropy_with_logits, steps=1500)
