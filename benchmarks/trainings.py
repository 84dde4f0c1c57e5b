"""Small trainings on the digits that differ in one thing: what a claim or a trade-off is measured with."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler

from descend import optim
from descend.data import Order, Reshuffled, Standardise
from descend.schedules import Constant, Scheduler

TRAIN = 1200
CLASSES = 10
Sampler = Callable[[int], Order]


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Return the 1797 standardised images of 64 pixels, and their classes."""
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32)
    return Standardise(x)(x).clamp(-5, 5), torch.tensor(data.target)


@dataclass(frozen=True)
class Split:
    """Training and held-out examples of one seed."""

    x: Tensor
    y: Tensor
    x_out: Tensor
    y_out: Tensor


def split(seed: int, wrong: float = 0.0) -> Split:
    """Return a random split; of the training labels a share is drawn at random."""
    x, y = digits()
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    train, out = order[:TRAIN], order[TRAIN:]
    labels = y[train].clone()
    noisy = torch.rand(TRAIN, generator=generator) < wrong
    labels[noisy] = torch.randint(CLASSES, (int(noisy.sum()),), generator=generator)
    return Split(x[train], labels, x[out], y[out])


def network(depth: int = 2, width: int = 64, *, norm: bool = False, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Return a network of hidden layers, with batch norm or without."""
    sizes, parts = [64, *[width] * depth], list[nn.Module]()
    for a, b in zip(sizes, sizes[1:]):
        parts += [nn.Linear(a, b), *([nn.BatchNorm1d(b)] if norm else []), activation()]
    return nn.Sequential(*parts, nn.Linear(width, CLASSES))


@dataclass
class Training:
    """One training: what it does besides momentum SGD on batches of 32 is said by its fields."""

    lr: float = 0.05
    momentum: float = 0.9
    steps: int = 700
    batch_size: int = 32
    schedule: Callable[[int], float] = Constant()
    batches: Callable[[int], object] | None = None
    sampler: Sampler = lambda seed: Reshuffled(TRAIN, seed)
    build: Callable[[], nn.Module] = network
    noise: float = 0.0
    each_step: Callable[[nn.Module, int], None] = lambda model, step: None
    reports_errors: bool = False  # whether the sampler gets the errors of each batch

    def run(self, data: Split, seed: int) -> nn.Module:
        """Return the trained model; a run over examples rather than steps ends with its epochs."""
        torch.manual_seed(seed)
        model = self.build()
        optimizer = torch.optim.SGD(model.parameters(), lr=self.lr, momentum=self.momentum)
        scheduler = Scheduler(optimizer, lr=self.schedule)
        sampler, step = self.sampler(seed), 0
        batches = self.batches(seed) if self.batches else BatchSampler(sampler, self.batch_size, drop_last=True)
        examples = self.steps * self.batch_size
        while examples > 0:
            for batch in batches:
                losses = cross_entropy(model(data.x[batch]), data.y[batch], reduction="none")
                optimizer.zero_grad()
                losses.mean().backward()
                if self.noise:
                    optim.gradient_noise_(model.parameters(), step, eta=self.noise)
                optimizer.step()
                scheduler.step()
                if self.reports_errors:
                    sampler.update(torch.tensor(batch), losses.detach())
                self.each_step(model, step)
                step, examples = step + 1, examples - len(batch)
                if examples <= 0:
                    break
        self.taken = step
        return model


@torch.no_grad()
def loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Return the mean negative log likelihood of a model that returns logits."""
    if isinstance(model, nn.Module):
        model.eval()
    value = cross_entropy(model(x), y).item()
    return value if math.isfinite(value) else 100.0


def held_out(model: Callable[[Tensor], Tensor], data: Split) -> float:
    """Return it on held-out examples."""
    return loss(model, data.x_out, data.y_out)


def trained(model: Callable[[Tensor], Tensor], data: Split) -> float:
    """Return it on the training examples."""
    return loss(model, data.x, data.y)


@torch.no_grad()
def sharpness(model: nn.Module, data: Split, share: float = 0.5, directions: int = 8) -> float:
    """Return the mean rise of the training loss where each unit's weights move at random by a share of their length.

    Filter-normalised (Li et al. 2018, §4), so that no rescaling of the units moves it (Dinh et al. 2017).
    """
    generator, losses = torch.Generator().manual_seed(0), []
    for _ in range(directions):
        moved = deepcopy(model)
        for weights in (p for p in moved.parameters() if p.ndim > 1):
            direction = torch.randn(weights.shape, generator=generator)
            unit = direction / direction.norm(dim=1, keepdim=True)
            weights.add_(share * weights.norm(dim=1, keepdim=True) * unit)
        losses.append(trained(moved, data))
    return sum(losses) / directions - trained(model, data)


class _Reached(Exception):
    """The loss is where it should be."""

    def __init__(self, model: nn.Module, steps: int) -> None:
        self.model, self.steps = model, steps


def steps_to(training: Training, data: Split, seed: int, bound: float) -> float:
    """Return after how many steps, in tens, the training loss is first at most `bound`; as `trained_to` has it."""
    return float(_reached(training, data, seed, bound).steps)


def trained_to(training: Training, data: Split, seed: int, bound: float) -> nn.Module:
    """Return the model whose training loss, looked at every ten steps, is first at most `bound`.

    Raises `RuntimeError` where it is not reached within the training's own number of steps.
    """
    return _reached(training, data, seed, bound).model


def _reached(training: Training, data: Split, seed: int, bound: float) -> _Reached:
    def look(model: nn.Module, step: int) -> None:
        if step % 10 == 9:
            value = trained(model, data)
            model.train()
            if value <= bound:
                raise _Reached(model, step + 1)

    training.each_step = look
    try:
        training.run(data, seed)
    except _Reached as reached:
        return reached
    raise RuntimeError(f"the training loss did not reach {bound} in {training.steps} steps")
