"""The order in which examples are shown: samplers for a `DataLoader`, resumed where they were.

A sampler here draws a new order for each epoch from its own seed, so an order depends on nothing else and the same
epoch is the same again. `state_dict` holds the epoch and how many of its examples are drawn; a loader without
workers draws just what it gives (one with workers draws ahead). An epoch that is broken off is over: the next
iteration is the next epoch, unless a checkpoint is loaded in between. A loader draws a seed from torch's generator
whenever it is iterated: for a training that resumes in mid-epoch bit for bit, give it a `generator` of its own.
Processes that share a training need a part of the data each, as `DistributedSampler` deals it out.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler


class Order(Sampler[int], ABC):
    """A sampler that draws the order of each epoch anew. One of your own says the `order` of an epoch."""

    def __init__(self, length: int, seed: int = 0) -> None:
        if not isinstance(length, int):
            raise ValueError(
                f"{type(self).__name__}: it needs how many examples there are, not {type(length).__name__}; "
                "a stream has no such number: shuffle it through a buffer, torch's Shuffler(stream, buffer_size=1000)"
            )
        if length < 1:
            raise ValueError(f"{type(self).__name__}: there must be at least 1 example, not {length}")
        self.length, self.seed, self.epoch, self.drawn = length, seed, 0, 0
        self._current: object = None  # the iteration that counts, of several

    @abstractmethod
    def order(self, generator: torch.Generator) -> Tensor:
        """Return the indices of one epoch in their order."""

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of an epoch; those that are left of it where a checkpoint was loaded."""
        if self._current is not None:
            self.epoch, self.drawn = self.epoch + 1, 0
        self._current = mine = object()
        generator = torch.Generator().manual_seed(((self.seed << 32) + self.epoch) % 2**63)
        indices, drawn = self.order(generator).tolist(), self.drawn
        for index in indices[drawn:]:
            drawn += 1
            if self._current is mine:
                self.drawn = drawn
            yield index
        if self._current is mine:
            self.epoch, self.drawn, self._current = self.epoch + 1, 0, None

    def __len__(self) -> int:
        """Return the number of examples in an epoch."""
        return self.length

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch and how many of its examples are drawn."""
        is_over = self.drawn >= len(self)
        place = (self.epoch + 1, 0) if is_over else (self.epoch, self.drawn)
        return {"seed": self.seed, "epoch": place[0], "drawn": place[1]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was."""
        self.seed, self.epoch, self.drawn, self._current = state["seed"], state["epoch"], state["drawn"], None


class Reshuffled(Order):
    """All examples in a new random order each epoch, as torch's `RandomSampler`, but resumed in mid-epoch.

    >>> loader = DataLoader(dataset, batch_size=4, sampler=Reshuffled(len(dataset)))
    """

    def order(self, generator: torch.Generator) -> Tensor:
        """Return a random permutation."""
        return torch.randperm(self.length, generator=generator)


class SpreadClasses(Order):
    """Successive examples rarely of one class: the least expected gives the most to learn (LeCun et al. 1998, §4.2).

    Each class is shuffled and laid out evenly over the epoch. `labels` are the classes of all examples, (N,).

    >>> loader = DataLoader(dataset, batch_size=4, sampler=SpreadClasses(labels))
    """

    def __init__(self, labels: Tensor | Sequence[int], seed: int = 0) -> None:
        self.labels = torch.as_tensor(labels)
        if self.labels.dim() != 1:
            raise ValueError(f"SpreadClasses: labels must be one for each example, not {tuple(self.labels.shape)}")
        super().__init__(len(self.labels), seed)

    def order(self, generator: torch.Generator) -> Tensor:
        """Return an order in which the k-th of n examples of a class stands near the share k/n of the epoch."""
        place = torch.empty(self.length, dtype=torch.float64)
        for label in self.labels.unique():
            members = (self.labels == label).nonzero().flatten()
            shuffled = members[torch.randperm(len(members), generator=generator)]
            offset = torch.rand((), generator=generator, dtype=torch.float64)
            place[shuffled] = (torch.arange(len(members), dtype=torch.float64) + offset) / len(members)
        return place.argsort()


class Curriculum(Order):
    """The easiest examples first, more of them each epoch (Bengio et al. 2009, §4).

    `difficulty` has a number for each example, (N,); `share` is a schedule of the epoch, of which 1 means all:
    `Warmup(10)` begins with the easiest tenth and has all in the tenth epoch. At least one is shown.

    >>> sampler = Curriculum(difficulty, share=Warmup(10))
    """

    def __init__(self, difficulty: Tensor | Sequence[float], share: Callable[[int], float], seed: int = 0) -> None:
        self.difficulty, self.share = torch.as_tensor(difficulty, dtype=torch.float64), share
        if self.difficulty.dim() != 1 or self.difficulty.isnan().any():
            raise ValueError("Curriculum: difficulty must be one number for each example, and none NaN")
        super().__init__(len(self.difficulty), seed)

    def __len__(self) -> int:
        """Return the number of examples in the present epoch."""
        return min(self.length, max(1, math.ceil(self.length * self.share(self.epoch))))

    def order(self, generator: torch.Generator) -> Tensor:
        """Return the easiest ones in random order."""
        easiest = self.difficulty.argsort(stable=True)[: len(self)]
        return easiest[torch.randperm(len(easiest), generator=generator)]
