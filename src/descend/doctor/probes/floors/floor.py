"""The least value of a function within a finite budget, and whether it has one at all."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

FALLEN = 1e6  # times its start: what has fallen so far is followed no further


class _Done(Exception):
    """The function has come so low that nothing further is to be learnt of it."""


class _Outside(RuntimeError):
    """The function is not defined there: a cross-entropy of a probability above 1."""


Function = Callable[[Sequence[Tensor]], Tensor]
EVALUATIONS, STEPS = 100, 60  # of the quasi-Newton method, and of each rate behind it
RATES = (0.3, 0.03)  # in units of what is free
HALVINGS = 10  # of a step that leaves where the function is defined
ENOUGH = 1e-3  # of its start: what is as low as that is looked at no further
FAR = (1e2, 1e4, 1e6)  # in units of what is free, in the direction of the least value
LEAST_FALL = 1e-3  # of itself: less is round-off
STEADY = 0.5  # of its slope nearby that a fall without end keeps far out


@dataclass(frozen=True)
class Floor:
    """The least value that was reached, and where; `slope` where it falls without end, in units of the start."""

    value: float
    at: tuple[Tensor, ...]
    slope: float = 0.0

    @property
    def is_bounded(self) -> bool:
        """Whether the function does not fall without end."""
        return isfinite(self.value) and not self.slope < 0


def floor(function: Function, start: Sequence[Tensor], *, enough: float = -inf) -> Floor:
    """Minimise from where it stands: L-BFGS with strong Wolfe steps, then, if much is left, Adam at two falling rates.

    A value of `enough`, or less, ends the search.

    The budget is finite on purpose: what cannot be reached within it cannot be trained through either. Steps are taken
    in units of each tensor's root mean square.
    """
    scales = [float(t.square().mean().sqrt()) or 1.0 for t in start]
    best, at = inf, [t.detach().clone() for t in start]
    free = [(t / s).detach().clone(memory_format=torch.contiguous_format) for t, s in zip(start, scales)]
    for f in free:
        f.requires_grad_(True)

    def evaluate() -> Tensor:
        nonlocal best, at
        for f in free:
            f.grad = None
        try:
            loss = function([f * s for f, s in zip(free, scales)])
        except RuntimeError as refusal:
            raise _Outside(str(refusal)) from refusal
        value = float(loss.detach())
        if isfinite(value) and value < best:
            best, at = value, [(f * s).detach() for f, s in zip(free, scales)]
        if value <= enough or value < -FALLEN * max(1.0, abs(first)):
            raise _Done
        if loss.requires_grad:
            loss.backward(inputs=free)
        return loss

    first = -inf  # until the start is evaluated: it cannot have fallen below itself
    with torch.enable_grad(), suppress(_Done):
        search = torch.optim.LBFGS(free, max_iter=EVALUATIONS, max_eval=EVALUATIONS, line_search_fn="strong_wolfe")
        first = float(evaluate().detach())
        if isfinite(first) and any(f.grad is not None for f in free):
            with suppress(_Outside):
                search.step(evaluate)
            for rate in RATES if best > ENOUGH * abs(first) else ():
                _descend(free, at, scales, rate, evaluate)
    slope = _slope(function, start, at, scales)
    return Floor(best, tuple(at), slope)


def _descend(
    free: list[Tensor], at: list[Tensor], scales: list[float], rate: float, evaluate: Callable[[], Tensor]
) -> None:
    """Go on from the least value with Adam; a step that leaves where the function is defined is halved."""
    with torch.no_grad():
        for f, t, s in zip(free, at, scales):
            f.copy_(t / s)
    rule = torch.optim.Adam(free, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(rule, STEPS)
    for _ in range(STEPS):
        loss = _within(free, at, scales, evaluate)
        if loss is None or not isfinite(float(loss.detach())):
            return
        rule.step()
        schedule.step()


def _within(free: list[Tensor], at: list[Tensor], scales: list[float], evaluate: Callable[[], Tensor]) -> Tensor | None:
    for _ in range(HALVINGS):
        with suppress(_Outside):
            return evaluate()
        with torch.no_grad():
            for f, t, s in zip(free, at, scales):
                f.add_(t / s).div_(2)
    return None


def _slope(function: Function, start: Sequence[Tensor], at: Sequence[Tensor], scales: Sequence[float]) -> float:
    """Return the slope far out in the direction of the least value, if the function falls there as it does nearby.

    One that is bounded below cannot: where the recession function is negative it falls without end (Rockafellar 1970,
    §8).
    """
    way = [(a - s) / scale for a, s, scale in zip(at, start, scales)]
    length = sum(float(w.double().square().sum()) for w in way) ** 0.5
    if not 0 < length < inf:
        return 0.0
    with torch.no_grad():
        steps = [[s + t / length * scale * w for s, w, scale in zip(start, way, scales)] for t in FAR]
        try:
            near, middle, far = (float(function(step)) for step in steps)
        except RuntimeError:  # it is not defined so far out
            return 0.0
    if middle == -inf or far == -inf:
        return -inf
    nearby, slope = (middle - near) / (FAR[1] - FAR[0]), (far - middle) / (FAR[2] - FAR[1])
    falls = near - middle > LEAST_FALL * abs(near)
    return slope if falls and slope <= STEADY * nearby else 0.0
