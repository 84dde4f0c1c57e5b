"""YellowFin: momentum SGD that tunes its own learning rate and momentum from statistics of the gradients."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rows import as_real
from descend.optim.rules.momentum import momentum

WINDOW = 20  # number of latest steps from which the extreme curvatures are taken (Zhang & Mitliagkas 2017, Algorithm 2)
SMALLEST = 1e-30  # smallest divisor, to avoid a division by zero


class YellowFin(Optimizer):
    """Momentum SGD that tunes its own learning rate and momentum (Zhang & Mitliagkas 2017, Algorithms 1–4).

    Use it if no learning rate can be searched. A searched learning rate is usually better.

    As in the authors' program, gradients are clipped at the square root of the largest curvature (§3.3), curvatures are
    averaged on a logarithmic scale, and the averages of the learning rate and the momentum start at 0.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The number that multiplies the tuned learning rate.
    beta : float
        The decay factor of the running means of the measurements.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = YellowFin(model.parameters())
    """

    rule = staticmethod(momentum)
    kept = ("mean", "square")
    measured = {"found_lr": 0.0, "momentum": 0.0, "clipping": 1.0, "averages": {}, "curvatures": [], "measured": 0}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        beta: float = 0.999,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, beta=beta, weight_decay=weight_decay, **options)

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters. `lr`, the tuned learning rate and the clipping multiply the gradient."""
        return {
            **super().rule_hyperparameters(group),
            "gradient_factor": group["lr"] * group["found_lr"] * group["clipping"],
            "velocity_factor": 1.0,
        }

    def update_statistics(self) -> None:
        """Tune the learning rate and the momentum from the gradients of all parameters (Algorithm 1).

        Raises `RuntimeError` for a sparse gradient.
        """
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if any(p.grad is None or p.grad.layout is not torch.strided for p in parameters):
            raise RuntimeError("YellowFin does not support sparse gradients, because it uses the norm of all gradients")
        if not parameters:
            return
        first = self.param_groups[0]  # stores the statistics of all groups
        beta, averages = first["beta"], dict(first["averages"])
        first["measured"] += 1
        bias_correction, previous = 1 - beta ** first["measured"], 1 - beta ** (first["measured"] - 1)

        def update_average(name: str, value: float) -> float:
            """Add a value to the running average called `name`, and return the bias-corrected average."""
            averages[name] = beta * averages.get(name, 0.0) + (1 - beta) * value
            return averages[name] / bias_correction

        squared = sum(float((_real_gradient(p).double() ** 2).sum()) for p in parameters)
        limit = math.exp(averages["most"] / previous) if previous else squared
        clipping = math.sqrt(limit / squared) if squared > limit else 1.0
        squared *= clipping**2
        first["curvatures"] = [*first["curvatures"], max(squared, SMALLEST)][-WINDOW:]
        least = math.exp(update_average("least", math.log(min(first["curvatures"]))))
        most = math.exp(update_average("most", math.log(max(first["curvatures"]))))
        distance = update_average(
            "distance", update_average("norm", math.sqrt(squared)) / max(update_average("squared", squared), SMALLEST)
        )
        variance = sum(self._gradient_variance(p, clipping, beta, bias_correction) for p in parameters)
        mu, lr = optimal_momentum_and_lr(max(variance, 0.0), distance, least, most)
        lr *= min(1.0, first["measured"] / (10 * WINDOW))  # warm-up of the learning rate (§4.2)
        update_average("lr", lr)
        update_average("momentum", mu)
        first["averages"] = averages
        for group in self.param_groups:
            group["found_lr"], group["momentum"], group["clipping"] = averages["lr"], averages["momentum"], clipping

    def _gradient_variance(self, parameter: Tensor, clipping: float, beta: float, bias_correction: float) -> float:
        """Return the variance E[g²] − E[g]² of the clipped gradient, summed over its elements (Algorithm 3)."""
        state, gradient = self.state[parameter], _real_gradient(parameter) * clipping
        for name, value in (("mean", gradient), ("square", gradient**2)):
            average = as_real(state.setdefault(name, torch.zeros_like(parameter)))
            average.mul_(beta).add_(value, alpha=1 - beta)
        return float(
            (as_real(state["square"]) / bias_correction - (as_real(state["mean"]) / bias_correction) ** 2).sum()
        )


def _real_gradient(parameter: Tensor) -> Tensor:
    """Return a parameter's gradient, detached from the autograd graph, as a real tensor."""
    assert parameter.grad is not None
    return as_real(parameter.grad.detach())


def optimal_momentum_and_lr(variance: float, distance: float, least: float, most: float) -> tuple[float, float]:
    """Return the momentum and learning rate with the lowest expected squared distance to the minimum after one step.

    They minimise momentum·distance² + lr²·variance, with a momentum large enough that all curvatures between `least`
    and `most` converge at the same speed (eq. 15, Appendix D).
    """
    least, most = max(least, SMALLEST), max(most, SMALLEST)
    root = math.sqrt(most / least)
    robust = ((root - 1) / (root + 1)) ** 2  # smallest momentum at which all directions converge at the same rate
    mu = max(robust, _solve_cubic(distance**2 * least**2 / (2 * max(variance, SMALLEST))) ** 2)
    return mu, (1 - math.sqrt(mu)) ** 2 / least


def _solve_cubic(p: float) -> float:
    """Return the x in [0, 1] that solves p·x = (1 − x)³, found by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if p * middle > (1 - middle) ** 3 else (middle, high)
    return low
