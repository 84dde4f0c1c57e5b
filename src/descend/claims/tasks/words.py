"""Words: which of the 50 most frequent words follows six others, with one weight for each word: sparse features."""

import re
from collections import Counter
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from descend.claims.tasks.task import Build, Split, Task, random_split
from descend.claims.tasks.text import language_reference

CONTEXT, VOCABULARY, FREQUENT = 6, 4000, 50
EXAMPLES, TRAIN = 12000, 10000


@cache
def _all_words() -> tuple[Tensor, Tensor]:
    """Return the numbers of six words in a row, and the next word, where it is a frequent one."""
    words = re.findall(r"[a-z]+", language_reference().lower())
    numbers = {word: number for number, (word, _) in enumerate(Counter(words).most_common(VOCABULARY - 1))}
    text = torch.tensor([numbers.get(word, VOCABULARY - 1) for word in words])
    windows = text.unfold(0, CONTEXT + 1, 1)
    windows = windows[windows[:, -1] < FREQUENT]
    chosen = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))[:EXAMPLES]
    return windows[chosen, :-1], windows[chosen, -1]


def _examples(seed: int) -> Split:
    return random_split(*_all_words(), TRAIN, seed)


def _network(build: Build) -> nn.Module:
    """Return a linear model, the sum of the weights of the words; all weights are 0 at first."""
    model = nn.EmbeddingBag(VOCABULARY, FREQUENT, mode="sum")
    nn.init.zeros_(model.weight)
    return model


WORDS = Task("words", "which word follows six others", _examples, _network, cross_entropy, steps=1000, classes=FREQUENT)
