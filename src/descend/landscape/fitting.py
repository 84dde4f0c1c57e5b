"""Minimise a loss with a torch optimizer, and keep the mean loss of each pass over its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.landscape.loss import Loss, Theta

Rule = Callable[[list[Tensor]], Optimizer]


@dataclass(frozen=True)
class Fit:
    """The result of minimising a loss: the mean loss of each pass, the final loss and the final parameters.

    costs: for each pass, the mean of the parts' losses, each computed just before the step on that part.
    final: loss at the end, at the parameters `theta`.
    """

    costs: tuple[float, ...]
    final: float
    theta: tuple[Tensor, ...]

    def passes_to(self, cost: float) -> int | None:
        """Return the number of passes after which the loss was at most `cost`; None if it never was."""
        reached = (k for k, met in enumerate((*self.costs[1:], self.final), 1) if met <= cost)
        return next(reached, None)


def fitted(
    loss: Loss, theta: Theta, rule: Rule, passes: int, go_on: Callable[[Sequence[float]], bool] = lambda costs: True
) -> Fit:
    """Minimise a loss from the parameters `theta`, with one optimizer step for each part of the loss in each pass.

    `theta` is not changed.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters at the start.
    rule : callable
        Returns the optimizer for a list of parameters.
    passes : int
        The number of passes over the parts of the loss.
    go_on : callable
        The fit ends early if `go_on(costs)` returns False for the costs of all passes so far.

    Returns
    -------
    Fit
        The costs, the final loss and the final parameters.

    Raises
    ------
    ValueError
        If `passes` is less than 1.
    """
    if passes < 1:
        raise ValueError(f"a fit takes at least 1 pass, not {passes}")
    at = [t.detach().clone().requires_grad_() for t in theta]
    optimizer = rule(at)
    costs = []
    for _ in range(passes):
        costs.append(sum(_take_step(part, at, optimizer) for part in loss.parts) / len(loss.parts))
        if not go_on(costs):
            break
    return Fit(tuple(costs), loss.value(at), tuple(t.detach() for t in at))


def minimised(loss: Loss, theta: Theta, steps: int = 200) -> Fit:
    """Minimise a convex loss from the parameters `theta` by L-BFGS with a line search; return the fit.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters at the start, which are not changed.
    steps : int
        The largest number of iterations.

    Returns
    -------
    Fit
        The first cost, the final loss and the final parameters.
    """
    at = [t.detach().clone().requires_grad_() for t in theta]
    optimizer = torch.optim.LBFGS(at, max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-9)
    start = loss.value(at)

    def closure() -> Tensor:
        """Set the gradients of the parameters and return the loss, as `torch.optim.LBFGS` requires."""
        for tensor, gradient in zip(at, loss.gradient(at)):
            tensor.grad = gradient
        return torch.tensor(loss.value(at), dtype=torch.float64)

    optimizer.step(closure)
    return Fit((start,), loss.value(at), tuple(t.detach() for t in at))


def _take_step(part: Callable[[Theta], Tensor], at: Sequence[Tensor], optimizer: Optimizer) -> float:
    """Take one optimizer step on one part of the loss; return the loss of this part before the step."""
    optimizer.zero_grad()
    with torch.enable_grad():
        cost = part(at)
        cost.backward()
    optimizer.step()
    return float(cost.detach())
