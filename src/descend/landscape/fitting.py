"""A loss fitted from a start by a rule of torch.optim: what its cost was in each pass over its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.landscape.loss import Loss, Theta

Rule = Callable[[list[Tensor]], Optimizer]


@dataclass(frozen=True)
class Fit:
    """What was reached.

    costs: of each pass, the mean over the parts as the rule met them, before the step that each one fed; final: of all
    parts at the end, where the parameters were `theta`.
    """

    costs: tuple[float, ...]
    final: float
    theta: tuple[Tensor, ...]

    def passes_to(self, cost: float) -> int | None:
        """Return how many passes it took until one cost no more than this; None where none did."""
        reached = (k for k, met in enumerate((*self.costs[1:], self.final), 1) if met <= cost)
        return next(reached, None)


def fitted(
    loss: Loss, theta: Theta, rule: Rule, passes: int, go_on: Callable[[Sequence[float]], bool] = lambda costs: True
) -> Fit:
    """Return what the rule makes of the loss from `theta` in so many passes over its parts, one step for each.

    `go_on(costs)` may end it after any of them, by those of all passes so far. What is given stays as it is. Raises
    `ValueError` for no pass.
    """
    if passes < 1:
        raise ValueError(f"a fit takes at least 1 pass, not {passes}")
    at = [t.detach().clone().requires_grad_() for t in theta]
    optimizer = rule(at)
    costs = []
    for _ in range(passes):
        costs.append(sum(_step(part, at, optimizer) for part in loss.parts) / len(loss.parts))
        if not go_on(costs):
            break
    return Fit(tuple(costs), loss.value(at), tuple(t.detach() for t in at))


def minimised(loss: Loss, theta: Theta, steps: int = 200) -> Fit:
    """Return the fit by L-BFGS on all parts at once, with a line search: for what is convex."""
    at = [t.detach().clone().requires_grad_() for t in theta]
    optimizer = torch.optim.LBFGS(at, max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-9)
    start = loss.value(at)

    def closure() -> Tensor:
        for tensor, gradient in zip(at, loss.gradient(at)):
            tensor.grad = gradient
        return torch.tensor(loss.value(at), dtype=torch.float64)

    optimizer.step(closure)
    return Fit((start,), loss.value(at), tuple(t.detach() for t in at))


def _step(part: Callable[[Theta], Tensor], at: Sequence[Tensor], optimizer: Optimizer) -> float:
    optimizer.zero_grad()
    with torch.enable_grad():
        cost = part(at)
        cost.backward()
    optimizer.step()
    return float(cost.detach())
