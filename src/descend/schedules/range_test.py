"""A grid of learning rates, and a range test that raises the learning rate until the loss diverges."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from descend.core.randomness import preserve_random_states
from descend.core.range_test import RATES, STEPS, SmoothedLosses, rate_at, suggested_rate


def lr_grid(high: float = 0.1, low: float = 1e-4) -> list[float]:
    """Return a list of learning rates such as 0.1, 0.03, 0.01, two per decade, from `high` down to `low`.

    Parameters
    ----------
    high : float
        The first and largest learning rate.
    low : float
        The lower limit.

    Returns
    -------
    list of float
        The learning rates, in descending order.

    Raises
    ------
    ValueError
        Unless 0 < low ≤ high.

    Examples
    --------
    >>> lr_grid(0.1, 0.003)
    [0.1, 0.03, 0.01, 0.003]
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"lr_grid: low must be above 0 and at most high, but low={low} and high={high}")
    decade = math.floor(math.log10(high))
    rates = [round(digit * 10.0**power, 12 - power) for power in range(decade, -30, -1) for digit in (3, 1)]
    return [high] + [rate for rate in rates if low * (1 - 1e-9) <= rate < high * (1 - 1e-9)]


@dataclass(frozen=True)
class RangeTest:
    """The result of a learning rate range test: the learning rate, loss and smoothed loss of each step.

    Parameters
    ----------
    rates : tuple of float
        The learning rate of each step.
    losses : tuple of float
        The loss before each step.
    smoothed : tuple of float
        The bias-corrected moving average of the losses.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def suggested(self) -> float:
        """The suggested learning rate: a tenth of the one with the lowest smoothed loss, where the loss still falls."""
        return suggested_rate(self.rates, self.smoothed)


def range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Callable[[Any], Tensor],
    batches: Iterable[Any],
    rates: tuple[float, float] = RATES,
    steps: int = STEPS,
) -> RangeTest:
    """Train for `steps` steps with a growing learning rate. Return the losses, and restore the model and the optimizer.

    Smith 2017, §3.3.

    The test ends early if the loss is not finite or reaches 4 times its lowest value. Model, optimizer and torch's
    generators are restored.

    Parameters
    ----------
    model : torch.nn.Module
        The model to train.
    optimizer : torch.optim.Optimizer
        The optimizer that takes the steps.
    loss : callable
        Computes the loss of `model` on a batch, a tensor of shape ().
    batches : iterable
        The batches; they are repeated if there are fewer than `steps`.
    rates : tuple of float
        The first and the last learning rate. Parameter groups keep their ratios.
    steps : int
        The largest number of steps.

    Returns
    -------
    RangeTest
        The learning rate and the loss of each step.

    Raises
    ------
    ValueError
        For rates or steps out of range, and if there are no batches.
    """
    low, high = rates
    if not 0 < low < high < math.inf or steps < 2:
        limits = "rates must be (low, high) with 0 < low < high, and steps at least 2"
        raise ValueError(f"range_test: {limits}, not {rates} and {steps}")
    largest = max(float(group["lr"]) for group in optimizer.param_groups)
    shares = [float(group["lr"]) / largest if largest else 1.0 for group in optimizer.param_groups]
    tried: list[float] = []
    losses: list[float] = []
    smoothed = SmoothedLosses()
    with preserve_random_states(), _restore_afterwards(model, optimizer):
        for k, batch in zip(range(steps), _repeat_batches(batches)):
            tried.append(rate_at(k, steps, rates))
            losses.append(_train_step(optimizer, shares, loss, batch, tried[-1]))
            if not smoothed.add(losses[-1]):
                break
    if not losses:
        raise ValueError("range_test: there are no batches")
    if not math.isfinite(losses[0]):
        raise ValueError(f"range_test: the loss is {losses[0]} before the first step")
    count = sum(map(math.isfinite, smoothed.values))
    return RangeTest(*(tuple(values[:count]) for values in (tried, losses, smoothed.values)))


@contextmanager
def _restore_afterwards(model: nn.Module, optimizer: Optimizer) -> Iterator[None]:
    """Restore the weights, buffers and gradients and the optimizer's state when the `with` block ends."""
    parameters = dict.fromkeys([*model.parameters(), *(p for group in optimizer.param_groups for p in group["params"])])
    held = [(tensor, tensor.detach().clone()) for tensor in (*parameters, *model.buffers())]
    gradients = [(parameter, parameter.grad) for parameter in parameters]
    rates = [(group["lr"], float(group["lr"])) for group in optimizer.param_groups]
    state = copy.deepcopy(optimizer.state_dict())
    try:
        # The next backward pass then creates new gradient tensors, so the saved ones stay unchanged.
        optimizer.zero_grad(set_to_none=True)
        yield
    finally:
        with torch.no_grad():
            for tensor, value in held:
                tensor.copy_(value)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        optimizer.load_state_dict(state)
        for group, (held_in, lr) in zip(optimizer.param_groups, rates):
            group["lr"] = held_in.fill_(lr) if isinstance(held_in, Tensor) else lr


def _train_step(
    optimizer: Optimizer, shares: list[float], loss: Callable[[Any], Tensor], batch: Any, lr: float
) -> float:
    """Take a training step and return the loss before it. Each group's learning rate is `lr` times its share."""
    for group, share in zip(optimizer.param_groups, shares):
        group["lr"] = group["lr"].fill_(share * lr) if isinstance(group["lr"], Tensor) else share * lr
    optimizer.zero_grad()
    value = loss(batch)
    value.backward()
    optimizer.step()
    return float(value.detach())


def _repeat_batches(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches repeatedly, without end. Stop at once if there are no batches."""
    while True:
        seen = False
        for batch in batches:
            seen = True
            yield batch
        if not seen:
            return
