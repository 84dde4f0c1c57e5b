"""The minimum of a function within a fixed budget of evaluations, and a test of whether it is bounded below."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

UNBOUNDED = 1e6  # A function counts as unbounded if it falls below minus this multiple of its start value.


class _LowEnough(Exception):
    """Raised when the function's value is low enough, to end the search for the minimum."""


class _OutsideDomain(RuntimeError):
    """Raised if the function is undefined at a point, such as a cross-entropy of a probability above 1."""


Function = Callable[[Sequence[Tensor]], Tensor]
EVALUATIONS, STEPS = 100, 60  # function evaluations of L-BFGS, and steps of Adam at each learning rate
RATES = (0.3, 0.03)  # learning rates of Adam, in units of each tensor's root mean square
HALVINGS = 10  # largest number of times that a step out of the function's domain is halved
ENOUGH = 1e-3  # The search ends at a value below this share of the start value.
FAR = (1e2, 1e4, 1e6)  # distances along the direction of the minimum, in units of each tensor's root mean square
LEAST_FALL = 1e-3  # A relative decrease smaller than this is round-off.
STEADY = 0.5  # Far from the start, an unbounded function keeps at least this share of its slope near the start.


@dataclass(frozen=True)
class Floor:
    """The minimum of a function: smallest value found, its point, and the slope far away (negative if unbounded)."""

    value: float
    at: tuple[Tensor, ...]
    slope: float = 0.0

    @property
    def is_bounded(self) -> bool:
        """Return whether the function is bounded below."""
        return isfinite(self.value) and not self.slope < 0


def minimise(function: Function, start: Sequence[Tensor], *, enough: float = -inf) -> Floor:
    """Minimise `function` from `start`: L-BFGS with strong Wolfe steps, then Adam with two decreasing learning rates.

    Adam runs only if the value is still large. A value of at most `enough` ends the search. The budget is small on
    purpose: a minimum that needs more evaluations is out of reach for training too. Steps are in units of each
    tensor's root mean square.
    """
    scales = [float(t.square().mean().sqrt()) or 1.0 for t in start]
    best, at = inf, [t.detach().clone() for t in start]
    free = [(t / s).detach().clone(memory_format=torch.contiguous_format) for t, s in zip(start, scales)]
    for f in free:
        f.requires_grad_(True)

    def evaluate() -> Tensor:
        """Return the function's value at the present point and compute its gradient; keep the best point."""
        nonlocal best, at
        for f in free:
            f.grad = None
        try:
            loss = function([f * s for f, s in zip(free, scales)])
        except RuntimeError as refusal:
            raise _OutsideDomain(str(refusal)) from refusal
        value = float(loss.detach())
        if isfinite(value) and value < best:
            best, at = value, [(f * s).detach() for f, s in zip(free, scales)]
        if value <= enough or value < -UNBOUNDED * max(1.0, abs(first)):
            raise _LowEnough
        if loss.requires_grad:
            loss.backward(inputs=free)
        return loss

    first = -inf  # Before the first evaluation, the function does not count as unbounded.
    with torch.enable_grad(), suppress(_LowEnough):
        search = torch.optim.LBFGS(free, max_iter=EVALUATIONS, max_eval=EVALUATIONS, line_search_fn="strong_wolfe")
        first = float(evaluate().detach())
        if isfinite(first) and any(f.grad is not None for f in free):
            with suppress(_OutsideDomain):
                search.step(evaluate)
            for rate in RATES if best > ENOUGH * abs(first) else ():
                _minimise_with_adam(free, at, scales, rate, evaluate)
    slope = _far_slope(function, start, at, scales)
    return Floor(best, tuple(at), slope)


def _minimise_with_adam(
    free: list[Tensor], at: list[Tensor], scales: list[float], rate: float, evaluate: Callable[[], Tensor]
) -> None:
    """Continue the minimisation with Adam from the best point; halve each step that leaves the function's domain."""
    with torch.no_grad():
        for f, t, s in zip(free, at, scales):
            f.copy_(t / s)
    rule = torch.optim.Adam(free, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(rule, STEPS)
    for _ in range(STEPS):
        loss = _evaluate_in_domain(free, at, scales, evaluate)
        if loss is None or not isfinite(float(loss.detach())):
            return
        rule.step()
        schedule.step()


def _evaluate_in_domain(
    free: list[Tensor], at: list[Tensor], scales: list[float], evaluate: Callable[[], Tensor]
) -> Tensor | None:
    """Halve the last step until the function is defined; return its value there, or None if that fails."""
    for _ in range(HALVINGS):
        with suppress(_OutsideDomain):
            return evaluate()
        with torch.no_grad():
            for f, t, s in zip(free, at, scales):
                f.add_(t / s).div_(2)
    return None


def _far_slope(function: Function, start: Sequence[Tensor], at: Sequence[Tensor], scales: Sequence[float]) -> float:
    """Return the function's slope far along the line from start to minimum; 0 if the function stops falling.

    A function that is bounded below cannot keep a negative slope: it is unbounded where the recession function is
    negative (Rockafellar 1970, §8).
    """
    way = [(a - s) / scale for a, s, scale in zip(at, start, scales)]
    length = sum(float(w.double().square().sum()) for w in way) ** 0.5
    if not 0 < length < inf:
        return 0.0
    with torch.no_grad():
        steps = [[s + t / length * scale * w for s, w, scale in zip(start, way, scales)] for t in FAR]
        try:
            near, middle, far = (float(function(step)) for step in steps)
        except RuntimeError:  # The function is undefined at this distance.
            return 0.0
    if middle == -inf or far == -inf:
        return -inf
    nearby, slope = (middle - near) / (FAR[1] - FAR[0]), (far - middle) / (FAR[2] - FAR[1])
    falls = near - middle > LEAST_FALL * abs(near)
    return slope if falls and slope <= STEADY * nearby else 0.0
