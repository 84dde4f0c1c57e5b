"""Text: the next character of Python's language reference, from the 12 characters before it."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from descend.claims.tasks.task import Build, Split, Task, perceptron

CONTEXT, EMBEDDING, WIDTH = 12, 12, 96
TRAIN, HELD_OUT = 6000, 2000
LETTERS = "".join(map(chr, range(32, 127))) + "\n"  # other characters are left out


@cache
def language_reference() -> str:
    """Return the topics of Python's help, which are part of every Python."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


@cache
def _characters() -> Tensor:
    """Return the number of each character."""
    numbers = {letter: number for number, letter in enumerate(LETTERS)}
    return torch.tensor([numbers[letter] for letter in language_reference() if letter in numbers])


def _examples(seed: int) -> Split:
    """Return windows that start at random: those for training in the first nine tenths, the held-out ones after."""
    characters, generator = _characters(), torch.Generator().manual_seed(seed)
    border = len(characters) * 9 // 10
    starts = torch.randint(border - CONTEXT - 1, (TRAIN,), generator=generator)
    later = torch.randint(border, len(characters) - CONTEXT - 1, (HELD_OUT,), generator=generator)
    windows = characters.unfold(0, CONTEXT + 1, 1)
    train, out = windows[starts], windows[later]
    return Split(train[:, :-1], train[:, -1], out[:, :-1], out[:, -1])


def _network(build: Build) -> nn.Module:
    """Return an embedding and a fully connected network (Bengio et al. 2003, §2)."""
    body = perceptron(CONTEXT * EMBEDDING, WIDTH, len(LETTERS), build)
    return nn.Sequential(nn.Embedding(len(LETTERS), EMBEDDING), nn.Flatten(), *body)


TEXT = Task(
    "text", "the next character of a text", _examples, _network, cross_entropy, steps=1200, classes=len(LETTERS)
)
