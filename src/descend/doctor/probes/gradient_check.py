"""A hand-written backward against finite differences of its own forward, in float64.

What shows incorrect gradients are "finite differences"; the cure: "fix them, or use autodiff" (Ba, CSC413 lecture 4,
Recap).
Measured: a wrong backward is off by half and more, a right one by 1e-9.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

STEP = 1e-6  # of a central difference in float64
DIRECTIONS = 3
SMOOTH = 0.01  # two steps of other lengths agree this well where the forward is smooth
FLAT = 1e-9  # a difference below this share of the gradient's: the forward is a staircase, its gradient a stand-in


@dataclass(frozen=True)
class GradientError:
    """The worst disagreement: for which input, and how large relative to the finite difference."""

    input: int
    error: float


def gradient_error(apply: Callable[..., Any], arguments: Sequence[Any]) -> GradientError | None:
    """Return how far the gradient of `apply` is from finite differences; None where there is nothing to compare.

    Stand-ins are no errors: a straight-through estimator, whose forward is flat, and a layer that hands its input on
    and changes only the gradient.
    """
    given = [_double(a) for a in arguments]
    checked = [i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad and a.numel()]
    generator = torch.Generator().manual_seed(0)  # private: the script's own random stream stays as it is
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        worst = None
        for i in checked:
            error = _error(apply, given, i, generator)
            if error is not None and (worst is None or error > worst.error):
                worst = GradientError(i, error)
    return worst


def _error(apply: Callable[..., Any], given: list[Any], i: int, generator: torch.Generator) -> float | None:
    x = given[i].clone().requires_grad_(True)
    state = torch.get_rng_state()

    def value(at: Tensor) -> Tensor:
        torch.set_rng_state(state)
        return _first(apply(*given[:i], at, *given[i + 1 :]))

    made = value(x)
    if made.shape == x.shape and torch.equal(made, x) or not made.requires_grad:
        return None
    weights = torch.randn(made.shape, generator=generator, dtype=torch.float64).to(made.device)
    (gradient,) = torch.autograd.grad((made * weights).sum(), x, allow_unused=True)
    if gradient is None:
        return None
    if made.shape == x.shape == gradient.shape and torch.equal(gradient, weights) and bool((made == x).any()):
        return None  # the identity where it is not flat, and its gradient everywhere: a stand-in
    errors = []
    for _ in range(DIRECTIONS):
        along = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.device)
        difference, coarser = (_difference(value, x, along, weights, step) for step in (STEP, 10 * STEP))
        if abs(difference - coarser) > SMOOTH * max(abs(difference), abs(coarser)):
            return None  # a staircase, or a kink just here
        slope = float((gradient * along).sum())
        if abs(difference) <= FLAT * abs(slope):
            return None
        size = max(abs(difference), abs(slope))
        errors.append(abs(difference - slope) / size if size else 0.0)
    return sorted(errors)[len(errors) // 2]


def _difference(value: Callable[[Tensor], Tensor], x: Tensor, along: Tensor, weights: Tensor, step: float) -> float:
    with torch.no_grad():
        ahead, behind = value(x + step * along), value(x - step * along)
    return float(((ahead - behind) * weights).sum()) / (2 * step)


def _double(argument: Any) -> Any:
    if not isinstance(argument, Tensor):
        return argument
    return argument.detach().clone().double() if argument.is_floating_point() else argument.detach().clone()


def _first(made: Any) -> Tensor:
    return made[0] if isinstance(made, tuple | list) else made
