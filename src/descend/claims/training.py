"""Trainings that claims compare: what a recipe sets, and a run as an iterator over its steps."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from descend.claims.tasks import Build, Split, Task
from descend.core.bound import Bound, Count
from descend.optim import gradient_noise_
from descend.schedules import Constant, Scheduler

MONITORED = Count(400, "examples", "chosen: the loss on a fixed part of the training examples, as a curve shows it")
DIVERGED = Bound(100.0, "loss", "chosen: a loss that is higher, or no number, counts as this one")
MakeOptimizer = Callable[[Iterable[Tensor], float], Optimizer]  # from the parameters and the learning rate
Batches = Callable[[Split, int, int], Iterator[Tensor]]  # from the examples, the batch size and the seed


def of(kind: Callable[..., Optimizer], **options: Any) -> MakeOptimizer:
    """Return a function that makes an optimizer from parameters and a learning rate."""
    return lambda parameters, lr: kind(parameters, lr=lr, **options)


def reshuffled(data: Split, size: int, seed: int) -> Iterator[Tensor]:
    """Yield the indices of batches for ever, in a new order in each epoch; an incomplete batch is left out."""
    generator, count = torch.Generator().manual_seed(seed), len(data.x)
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order[: count - count % min(size, count)].split(size)


def ordered_by(make: Callable[[Split, int], Iterable[int]]) -> Batches:
    """Return batches in the order of a sampler that `make` returns, which is iterated again in each epoch."""

    def batches(data: Split, size: int, seed: int) -> Iterator[Tensor]:
        sampler = make(data, seed)
        while True:
            order = torch.tensor(list(sampler))
            yield from order[: len(order) - len(order) % size].split(size)

    return batches


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; what a recipe does not set is the same for both sides of a claim."""

    optimizer: MakeOptimizer = of(SGD)
    start: float = 0.1  # the first learning rate of the search
    schedule: Callable[[int], Callable[[int], float]] = lambda steps: Constant()  # number of steps -> schedule
    batch_size: int = 32
    batches: Batches = reshuffled
    steps: float = 1.0  # multiple of the task's steps
    build: Build = field(default_factory=Build)
    change_weights: Callable[[nn.Module, Tensor], object] = lambda model, inputs: None  # before the first step
    noise: float = 0.0  # variance of the gradient noise in the first step
    wrong: float = 0.0  # share of the training labels that are drawn at random

    def with_steps(self, steps: float) -> "Recipe":
        """Return the recipe with another number of steps, as a multiple of the task's."""
        return replace(self, steps=steps)


@dataclass
class Run:
    """A training after one of its steps."""

    task: Task
    data: Split
    model: nn.Module
    optimizer: Optimizer
    total: int  # number of steps of the whole run
    step: int = 0  # number of steps so far
    loss: float = float("nan")  # of the last batch, before its step
    batch: Tensor = field(default_factory=lambda: torch.empty(0))  # indices of its examples

    @torch.no_grad()
    def loss_on(self, x: Tensor, y: Tensor) -> float:
        """Return the mean loss on examples, in evaluation mode; `DIVERGED` if it is larger or no number."""
        was_training = self.model.training
        self.model.eval()
        value = self.task.loss(self.model(x), y).item()
        self.model.train(was_training)
        return value if isfinite(value) and value < DIVERGED else float(DIVERGED)

    @property
    def monitored(self) -> float:
        """The loss on a fixed part of the training examples."""
        return self.loss_on(self.data.x[:MONITORED], self.data.y[:MONITORED])


def training_loss(run: Run) -> float:
    """Return the loss on all training examples."""
    return run.loss_on(run.data.x, run.data.y)


def held_out_loss(run: Run) -> float:
    """Return the loss on the held-out examples."""
    return run.loss_on(run.data.x_out, run.data.y_out)


def examples_of(task: Task, recipe: Recipe, seed: int) -> Split:
    """Return the examples of a run, with some random training labels if the recipe has them."""
    data = task.examples(seed)
    if not recipe.wrong:
        return data
    generator = torch.Generator().manual_seed(seed + 1)
    labels = data.y.clone()
    chosen = torch.rand(len(labels), generator=generator) < recipe.wrong
    labels[chosen] = torch.randint(task.classes, (int(chosen.sum()),), generator=generator)
    return replace(data, y=labels)


def training(task: Task, recipe: Recipe, lr: float, seed: int) -> Iterator[Run]:
    """Train, and yield the run after each step. The examples, the weights and the batches follow from the seed."""
    torch.manual_seed(seed)
    data = examples_of(task, recipe, seed)
    model = task.network(recipe.build)
    recipe.change_weights(model, data.x[:64])
    optimizer = recipe.optimizer(model.parameters(), lr)
    total = max(1, round(recipe.steps * task.steps))
    scheduler = Scheduler(optimizer, lr=recipe.schedule(total))
    run = Run(task, data, model, optimizer, total)
    for batch in recipe.batches(data, recipe.batch_size, seed):
        optimizer.zero_grad()
        loss = task.loss(model(data.x[batch]), data.y[batch])
        loss.backward()
        if recipe.noise:
            gradient_noise_(model.parameters(), run.step, eta=recipe.noise)
        optimizer.step()
        scheduler.step()
        run.step, run.loss, run.batch = run.step + 1, loss.item(), batch
        yield run
        if run.step >= total:
            return


def trained(task: Task, recipe: Recipe, lr: float, seed: int) -> Run:
    """Return the run after its last step, or after the first one whose loss is no number."""
    for run in training(task, recipe, lr, seed):
        if not isfinite(run.loss):
            break
    return run
