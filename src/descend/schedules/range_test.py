"""Which learning rates a model bears: a grid to try, and a test that raises the rate until the loss blows up."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from descend.ground.randomness import untouched_randomness

BLOWN_UP = 4.0  # times the least smoothed loss: the test is over (Gugger 2018's stop)
SMOOTHING = 0.98  # of the moving average of the losses (there, too)
TINY = 1e-12
SAFETY = 10.0  # the rate suggested is that of the least loss over this (there, too)


def lr_grid(high: float = 0.1, low: float = 1e-4) -> list[float]:
    """Return the rates 0.1, 0.03, 0.01, …: about three a decade apart, from `high` down to no less than `low`.

    >>> lr_grid(0.1, 0.003)
    [0.1, 0.03, 0.01, 0.003]
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"lr_grid: rates must be above 0, the first the larger one, not {high} and {low}")
    decade = math.floor(math.log10(high))
    rates = [round(digit * 10.0**power, 12 - power) for power in range(decade, -30, -1) for digit in (3, 1)]
    return [high] + [rate for rate in rates if low * (1 - 1e-9) <= rate < high * (1 - 1e-9)]


@dataclass(frozen=True)
class RangeTest:
    """What a range test has seen: the rates, and the loss at each before its step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def suggested(self) -> float:
        """A tenth of the rate at which the smoothed loss was least: there it is still falling."""
        return self.rates[min(range(len(self.smoothed)), key=self.smoothed.__getitem__)] / SAFETY


def range_test(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Callable[[Any], Tensor],
    batches: Iterable[Any],
    rates: tuple[float, float] = (1e-6, 10.0),
    steps: int = 100,
) -> RangeTest:
    """Train for a few steps at rates that grow from one to the other, and put everything back (Smith 2017, §3.3).

    `loss(batch)` computes the loss of `model`. Batches are taken in turn, from the start again where there are too few.
    It ends early where the loss is not finite or 4 times its least. Parameter groups keep the ratios of their
    rates. Model, optimizer and torch's generators are as they were afterwards. Raises `ValueError` for rates or
    steps out of range, and where there are no batches.
    """
    low, high = rates
    if not 0 < low < high < math.inf or steps < 2:
        raise ValueError(f"range_test: it needs two rates, 0 < low < high, and 2 steps, not {rates} and {steps}")
    largest = max(float(group["lr"]) for group in optimizer.param_groups)
    shares = [float(group["lr"]) / largest if largest else 1.0 for group in optimizer.param_groups]
    tried: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    with untouched_randomness(), _put_back(model, optimizer):
        for k, batch in zip(range(steps), _endless(batches)):
            tried.append(low * (high / low) ** (k / (steps - 1)))
            losses.append(_step(optimizer, shares, loss, batch, tried[-1]))
            average = SMOOTHING * average + (1 - SMOOTHING) * losses[-1]
            smoothed.append(average / (1 - SMOOTHING ** (k + 1)))
            if not smoothed[-1] - min(smoothed) <= (BLOWN_UP - 1) * max(abs(min(smoothed)), TINY):
                break
    if not losses:
        raise ValueError("range_test: there are no batches")
    if not math.isfinite(losses[0]):
        raise ValueError(f"range_test: the loss is {losses[0]} before the first step already")
    count = sum(map(math.isfinite, smoothed))
    return RangeTest(*(tuple(values[:count]) for values in (tried, losses, smoothed)))


@contextmanager
def _put_back(model: nn.Module, optimizer: Optimizer) -> Iterator[None]:
    """Give weights, buffers, gradients and the optimizer's state back as they were."""
    parameters = dict.fromkeys([*model.parameters(), *(p for group in optimizer.param_groups for p in group["params"])])
    held = [(tensor, tensor.detach().clone()) for tensor in (*parameters, *model.buffers())]
    gradients = [(parameter, parameter.grad) for parameter in parameters]
    rates = [(group["lr"], float(group["lr"])) for group in optimizer.param_groups]
    state = copy.deepcopy(optimizer.state_dict())
    try:
        optimizer.zero_grad(set_to_none=True)  # the gradients at hand are not written into
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


def _step(optimizer: Optimizer, shares: list[float], loss: Callable[[Any], Tensor], batch: Any, lr: float) -> float:
    for group, share in zip(optimizer.param_groups, shares):
        group["lr"] = group["lr"].fill_(share * lr) if isinstance(group["lr"], Tensor) else share * lr
    optimizer.zero_grad()
    value = loss(batch)
    value.backward()
    optimizer.step()
    return float(value.detach())


def _endless(batches: Iterable[Any]) -> Iterator[Any]:
    while True:
        seen = False
        for batch in batches:
            seen = True
            yield batch
        if not seen:
            return
