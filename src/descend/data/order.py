"""Samplers for a `DataLoader` that determine the order of the examples and can resume within an epoch.

A sampler draws the order of each epoch from its seed and the epoch number only. `state_dict` holds the epoch and the
number of examples drawn; a loader with workers draws ahead. An interrupted epoch is over: the next iteration is the
next epoch, unless a checkpoint is loaded first. A loader draws a seed from torch's generator at each iteration, so pass
it a separate `generator` if training must resume bit for bit within an epoch. Use `DistributedSampler` to split the
data between processes.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler


class Order(Sampler[int], ABC):
    """Base class of samplers that draw a new order of the examples in each epoch. A subclass implements `order`.

    Parameters
    ----------
    length : int
        The number of examples.
    seed : int
        The seed of the order.

    Raises
    ------
    ValueError
        If `length` is not an integer of at least 1.
    """

    def __init__(self, length: int, seed: int = 0) -> None:
        if not isinstance(length, int):
            raise ValueError(
                f"{type(self).__name__}: length must be the number of examples, not a {type(length).__name__}. "
                "To shuffle a stream, use a buffer: torch's Shuffler(stream, buffer_size=1000)"
            )
        if length < 1:
            raise ValueError(f"{type(self).__name__}: there must be at least 1 example, not {length}")
        self.length, self.seed, self.epoch, self.drawn = length, seed, 0, 0
        self._current: object = None  # identity of the latest iterator; only this iterator updates `drawn`

    @abstractmethod
    def order(self, generator: torch.Generator) -> Tensor:
        """Return the indices of one epoch's examples, in the order in which they are drawn."""

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of an epoch; after loading a checkpoint, the remaining indices of its epoch."""
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
        """Return the seed, the number of the current epoch, and the number of examples drawn in this epoch."""
        is_over = self.drawn >= len(self)
        place = (self.epoch + 1, 0) if is_over else (self.epoch, self.drawn)
        return {"seed": self.seed, "epoch": place[0], "drawn": place[1]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.seed, self.epoch, self.drawn, self._current = state["seed"], state["epoch"], state["drawn"], None


class Reshuffled(Order):
    """A sampler with a new random order in each epoch, like torch's `RandomSampler`, that can resume within an epoch.

    Parameters
    ----------
    length : int
        The number of examples.
    seed : int
        The seed of the order.

    Examples
    --------
    >>> loader = DataLoader(dataset, batch_size=4, sampler=Reshuffled(len(dataset)))
    """

    def order(self, generator: torch.Generator) -> Tensor:
        """Return the indices of all examples in random order."""
        return torch.randperm(self.length, generator=generator)


class SpreadClasses(Order):
    """A sampler whose successive examples rarely have the same class (LeCun et al. 1998, §4.2).

    Each class is shuffled and distributed evenly over the epoch.

    Parameters
    ----------
    labels : torch.Tensor or sequence of int
        The classes of all examples, of shape ``(N,)``.
    seed : int
        The seed of the order.

    Raises
    ------
    ValueError
        If `labels` has another shape.

    Examples
    --------
    >>> loader = DataLoader(dataset, batch_size=4, sampler=SpreadClasses(labels))
    """

    def __init__(self, labels: Tensor | Sequence[int], seed: int = 0) -> None:
        self.labels = torch.as_tensor(labels)
        if self.labels.dim() != 1:
            raise ValueError(f"SpreadClasses: labels must have shape (N,), not {tuple(self.labels.shape)}")
        super().__init__(len(self.labels), seed)

    def order(self, generator: torch.Generator) -> Tensor:
        """Return all indices in an order in which the examples of each class are evenly spaced over the epoch."""
        place = torch.empty(self.length, dtype=torch.float64)
        for label in self.labels.unique():
            members = (self.labels == label).nonzero().flatten()
            shuffled = members[torch.randperm(len(members), generator=generator)]
            offset = torch.rand((), generator=generator, dtype=torch.float64)
            place[shuffled] = (torch.arange(len(members), dtype=torch.float64) + offset) / len(members)
        return place.argsort()


class Curriculum(Order):
    """A sampler that starts with the easiest examples and adds harder ones in each epoch (Bengio et al. 2009, §4).

    `Warmup(10)` starts with the easiest tenth and uses all examples in the tenth epoch.

    Parameters
    ----------
    difficulty : torch.Tensor or sequence of float
        One number per example, of shape ``(N,)``.
    share : callable
        A schedule of the epoch: the share of examples to use. At least one example is used.
    seed : int
        The seed of the order.

    Raises
    ------
    ValueError
        If `difficulty` has another shape, or contains NaN.

    Examples
    --------
    >>> sampler = Curriculum(difficulty, share=Warmup(10))
    """

    def __init__(self, difficulty: Tensor | Sequence[float], share: Callable[[int], float], seed: int = 0) -> None:
        self.difficulty, self.share = torch.as_tensor(difficulty, dtype=torch.float64), share
        if self.difficulty.dim() != 1 or self.difficulty.isnan().any():
            raise ValueError("Curriculum: difficulty must have shape (N,) and contain no NaN")
        super().__init__(len(self.difficulty), seed)

    def __len__(self) -> int:
        """Return the number of examples in the current epoch."""
        return min(self.length, max(1, math.ceil(self.length * self.share(self.epoch))))

    def order(self, generator: torch.Generator) -> Tensor:
        """Return the indices of the easiest examples, as many as the current epoch uses, in random order."""
        easiest = self.difficulty.argsort(stable=True)[: len(self)]
        return easiest[torch.randperm(len(easiest), generator=generator)]
