"""Measure how the batch size affects the steps, the time and the memory that reach a target loss.

The steps to a target are S_min·(1 + B_noise / S) for the batch size S (McCandlish et al. 2018, §2.3). A step takes
a + b·S seconds: below S = a / b the fixed overhead dominates, above it the time per example. The time to the target is
the product of the two. The geometric mean of B_noise and a / b minimises it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import ceil, inf, isfinite, nan, sqrt
from statistics import fmean, median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

from descend.core.bound import Count
from descend.landscape.fits import Line, fit_relative_line

Function = Callable[[Any, Any], Tensor]
# a function that creates an optimizer from the parameters and a learning rate
Rule = Callable[[Sequence[nn.Parameter], float], Optimizer]
SPACING = 1.05  # ratio of the step numbers of two successive checks whether the loss has reached the target
WARM_UP = Count(5, "steps", "chosen: after one or two steps, caches are filled and autograd's threads have started")


@dataclass(frozen=True)
class Run:
    """One training run with one batch size. Without reaching the target loss, its steps and seconds are infinite."""

    size: int
    lr: float
    steps: float
    seconds: float
    step_seconds: float  # median seconds of a step, without the checks of the loss; NaN if not measured
    kept_bytes: float = nan  # bytes that autograd saves for the backward pass; NaN if not measured


@dataclass(frozen=True)
class Training:
    """A model, its data and its training settings. A training run ends when the loss on all data is at most `target`.

    Parameters
    ----------
    model : torch.nn.Module
        The model, of which copies are trained.
    function : callable
        Returns the mean loss of outputs and targets.
    data : tuple of torch.Tensor
        The inputs ``(examples, ...)`` and the targets ``(examples, ...)``, which are drawn in shuffled epochs.
    rule : callable
        Returns the optimizer for the parameters and a learning rate.
    rates : sequence of float
        The learning rates to try.
    target : float
        The loss on all data at which a run ends.
    seeds : int
        The number of runs for each batch size and learning rate.
    most_steps : int
        The largest number of steps of a run.
    """

    model: nn.Module
    function: Function
    data: tuple[Tensor, Tensor]
    rule: Rule
    rates: Sequence[float]
    target: float
    seeds: int = 3
    most_steps: int = 2000

    def runs(self, sizes: Sequence[int]) -> list[Run]:
        """Train a copy of the model with each batch size, learning rate and seed; return all runs.

        Raises `ValueError` for a batch size that is not from 1 to the number of examples.
        """
        count = len(self.data[0])
        if bad := [size for size in sizes if not 1 <= size <= count]:
            raise ValueError(f"a batch must have from 1 to {count} examples, not {bad[0]}")
        found = []
        for size in sizes:
            self._warm_up(size)
            found += [self._train_to_target(size, lr, seed) for lr in self.rates for seed in range(self.seeds)]
        return found

    def _warm_up(self, size: int) -> None:
        """Train a copy of the model for a few untimed steps, because the first steps of a batch size are slow."""
        model = deepcopy(self.model)
        with torch.random.fork_rng():
            optimizer = self.rule(list(model.parameters()), self.rates[0])
            train(model, self.function, shuffled_batches(self.data, size, 0), optimizer, lambda step: step < WARM_UP)

    def _train_to_target(self, size: int, lr: float, seed: int) -> Run:
        """Train a copy of the model until the target loss, divergence or `most_steps`; return the steps and times."""
        model, reached, taken, look = deepcopy(self.model), False, 0, 1

        def go_on(step: int) -> bool:
            """Return whether the training continues after `step` steps. The loss is checked at growing intervals."""
            nonlocal reached, taken, look
            taken = step
            if step < look:
                return step < self.most_steps
            look = max(step + 1, ceil(step * SPACING))
            value = self._loss_on_all_data(model)
            reached = value <= self.target
            return not reached and isfinite(value) and step < self.most_steps

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            optimizer = self.rule(list(model.parameters()), lr)
            each = median(train(model, self.function, shuffled_batches(self.data, size, seed), optimizer, go_on))
        return Run(size, lr, taken if reached else inf, taken * each if reached else inf, each)

    def _loss_on_all_data(self, model: nn.Module) -> float:
        """Return the loss of the model on all data, in evaluation mode."""
        was = model.training
        model.eval()
        with torch.no_grad():
            value = float(self.function(model(self.data[0]), self.data[1]))
        model.train(was)
        return value


@dataclass(frozen=True)
class Tradeoff:
    """How the batch size affects the number of steps and the time of a step, from the best runs of each size.

    steps: line of the steps to the target against 1 / S, for the batch size S. seconds: line of the seconds per step
    against S; None if fewer than 3 batch sizes were timed.
    """

    runs: tuple[Run, ...]
    steps: Line
    seconds: Line | None

    @property
    def least_steps(self) -> float:
        """Return S_min, the number of steps to the target loss with an infinitely large batch."""
        return self.steps.intercept

    @property
    def knee(self) -> float:
        """Return the critical batch size B_noise, which needs twice as many steps as an infinitely large batch."""
        return max(self.steps.slope, 0.0) / self.steps.intercept if self.steps.intercept > 0 else inf

    @property
    def machine_limit(self) -> float:
        """Return the batch size at which the examples take as much of a step's time as its fixed overhead.

        Infinite if more examples take no more time; NaN if the steps were not timed.
        """
        if self.seconds is None:
            return nan
        return max(self.seconds.intercept, 0.0) / self.seconds.slope if self.seconds.slope > 0 else inf

    @property
    def fastest(self) -> float:
        """Return the batch size with the shortest time to the target loss; NaN if the steps were not timed."""
        known = self.knee, self.machine_limit
        return sqrt(self.knee * self.machine_limit) if min(known) > 0 or self.seconds is None else 0.0


def tradeoff(runs: Sequence[Run]) -> Tradeoff:
    """Fit the steps to the target, and the time of a step, as functions of the batch size.

    For each batch size, only the runs with the best learning rate are used: with the fewest steps on average.

    Parameters
    ----------
    runs : sequence of Run
        The runs of `Training.runs`.

    Returns
    -------
    Tradeoff
        The two fits.

    Raises
    ------
    ValueError
        If fewer than 3 batch sizes reach the target.
    """
    best = []
    for size in sorted({run.size for run in runs}):
        mine = [run for run in runs if run.size == size]
        tried = [[run for run in mine if run.lr == lr] for lr in dict.fromkeys(run.lr for run in mine)]
        best.append(min(tried, key=lambda same: fmean(run.steps for run in same)))
    reached = [run for same in best for run in same if all(isfinite(r.steps) for r in same)]
    sizes = {run.size for run in reached}
    if len(sizes) < 3:
        raise ValueError(f"only {len(sizes)} batch sizes reached the target loss, but the fit needs at least 3")
    steps = fit_relative_line([1 / run.size for run in reached], [run.steps for run in reached])
    timed = [run for run in reached if isfinite(run.step_seconds)]
    is_timed = len({run.size for run in timed}) >= 3
    seconds = fit_relative_line([run.size for run in timed], [run.step_seconds for run in timed]) if is_timed else None
    return Tradeoff(tuple(reached), steps, seconds)


def train(
    model: nn.Module,
    function: Function,
    batches: Iterable[tuple[Any, Any]],
    optimizer: Optimizer,
    go_on: Callable[[int], bool] = lambda step: True,
) -> list[float]:
    """Train a model with one optimizer step for each batch; return the seconds of each step.

    Training ends early if `go_on(number of steps)` returns False.
    """
    seconds = list[float]()
    for inputs, targets in batches:
        began = perf_counter()
        optimizer.zero_grad()
        function(model(inputs), targets).backward()
        optimizer.step()
        seconds.append(perf_counter() - began)
        if not go_on(len(seconds)):
            break
    return seconds


def shuffled_batches(data: tuple[Tensor, Tensor], size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of shuffled epochs forever, without the incomplete last batch of each epoch."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(data[0]), generator=generator).split(size):
            if len(chosen) == size:
                yield data[0][chosen], data[1][chosen]


def kept_bytes(compute: Callable[[], Any], parameters: Iterable[Tensor]) -> int:
    """Return the bytes that autograd saves for the backward pass while `compute` runs, without the parameters."""
    held, weights = dict[int, int](), {p.data_ptr() for p in parameters}

    def count_bytes(tensor: Tensor) -> Tensor:
        """Count the bytes of a tensor that autograd saves, unless it is a parameter; return the tensor."""
        if tensor.data_ptr() not in weights:
            held[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(count_bytes, lambda tensor: tensor):
        compute()
    return sum(held.values())
