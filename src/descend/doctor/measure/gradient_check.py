"""Compare a hand-written backward pass with finite differences of the forward pass, in float64.

"Finite differences" reveal incorrect gradients, and the lecture advises: "fix them, or use autodiff" (Ba, CSC413
lecture 4, Recap). In practice a wrong backward is off by 50 % or more, a correct one by 1e-9.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

STEP = 1e-6  # step length of a central difference in float64
DIRECTIONS = 3
SMOOTH = 0.01  # largest relative difference between the results of two step lengths if the forward is smooth
FLAT = 1e-9  # A difference below this share of the slope means a piecewise constant forward.


@dataclass(frozen=True)
class GradientError:
    """The largest relative error of gradients against finite differences, and the index of the input that has it."""

    input: int
    error: float


def gradient_error(apply: Callable[..., Any], arguments: Sequence[Any]) -> GradientError | None:
    """Return the largest error of autograd's gradients of `apply` against finite differences; None without inputs.

    Two designs do not count as errors: a straight-through estimator, whose forward is piecewise constant, and a
    function that returns its input unchanged and modifies only the gradient.
    """
    given = [_to_float64(a) for a in arguments]
    checked = [i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad and a.numel()]
    generator = torch.Generator().manual_seed(0)  # A separate generator leaves the script's random state unchanged.
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        worst = None
        for i in checked:
            error = _median_error(apply, given, i, generator)
            if error is not None and (worst is None or error > worst.error):
                worst = GradientError(i, error)
    return worst


def _median_error(apply: Callable[..., Any], given: list[Any], i: int, generator: torch.Generator) -> float | None:
    """Return the median relative error of autograd's gradient for argument number `i`; None if it cannot be checked."""
    x = given[i].clone().requires_grad_(True)
    state = torch.get_rng_state()

    def value(at: Tensor) -> Tensor:
        """Return the function's first result for one changed input, always with the same random state."""
        torch.set_rng_state(state)
        return _first_result(apply(*given[:i], at, *given[i + 1 :]))

    made = value(x)
    if made.shape == x.shape and torch.equal(made, x) or not made.requires_grad:
        return None
    weights = torch.randn(made.shape, generator=generator, dtype=torch.float64).to(made.device)
    (gradient,) = torch.autograd.grad((made * weights).sum(), x, allow_unused=True)
    if gradient is None:
        return None
    if made.shape == x.shape == gradient.shape and torch.equal(gradient, weights) and bool((made == x).any()):
        # This is a straight-through estimator: the identity on some inputs, with a gradient of 1 everywhere.
        return None
    errors = []
    for _ in range(DIRECTIONS):
        along = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.device)
        difference, coarser = (_central_difference(value, x, along, weights, step) for step in (STEP, 10 * STEP))
        if abs(difference - coarser) > SMOOTH * max(abs(difference), abs(coarser)):
            return None  # The forward is piecewise constant, or has a kink here.
        slope = float((gradient * along).sum())
        if abs(difference) <= FLAT * abs(slope):
            return None
        size = max(abs(difference), abs(slope))
        errors.append(abs(difference - slope) / size if size else 0.0)
    return sorted(errors)[len(errors) // 2]


def _central_difference(
    value: Callable[[Tensor], Tensor], x: Tensor, along: Tensor, weights: Tensor, step: float
) -> float:
    """Return the derivative of the weighted result along a direction, by a central difference."""
    with torch.no_grad():
        ahead, behind = value(x + step * along), value(x - step * along)
    return float(((ahead - behind) * weights).sum()) / (2 * step)


def _to_float64(argument: Any) -> Any:
    """Return a copy of a tensor, in float64 if it is real. Return an argument that is not a tensor unchanged."""
    if not isinstance(argument, Tensor):
        return argument
    return argument.detach().clone().double() if argument.is_floating_point() else argument.detach().clone()


def _first_result(made: Any) -> Tensor:
    """Return the first of several results, or the only result."""
    return made[0] if isinstance(made, tuple | list) else made
