"""YellowFin: momentum SGD whose rate and momentum follow from the gradients' curvature, variance and distance."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum

WINDOW = 20  # steps over which the extreme curvatures are taken (Zhang & Mitliagkas 2017, Algorithm 2)
SMALLEST = 1e-30


class YellowFin(Optimizer):
    """YellowFin (Zhang & Mitliagkas 2017, Algorithms 1–4). `lr` multiplies the rate that it finds.

    >>> optimizer = YellowFin(model.parameters())
    """

    rule = staticmethod(momentum)
    kept = ("mean", "square")
    measured = {"found_lr": 0.0, "momentum": 0.0, "averages": {}, "curvatures": [], "measured": 0}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        beta: float = 0.999,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, beta=beta, weight_decay=weight_decay, **options)

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rate that was found, within the velocity."""
        return {**super().hyper_of(group), "inside": group["lr"] * group["found_lr"], "outside": 1.0}

    def measure(self) -> None:
        """Find rate and momentum from all gradients of a step (Algorithm 1). Raises `RuntimeError` for a sparse one."""
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if any(p.grad is None or p.grad.layout is not torch.strided for p in parameters):
            raise RuntimeError("YellowFin takes the norm of all gradients: it cannot step by a sparse one")
        if not parameters:
            return
        first = self.param_groups[0]  # the measurements are global: they are kept, and saved, with the first group
        beta, averages = first["beta"], dict(first["averages"])
        first["measured"] += 1
        known = 1 - beta ** first["measured"]

        def average(name: str, value: float) -> float:
            averages[name] = beta * averages.get(name, 0.0) + (1 - beta) * value
            return averages[name] / known

        squared = sum(float((_gradient(p).double() ** 2).sum()) for p in parameters)
        first["curvatures"] = [*first["curvatures"], squared][-WINDOW:]
        least = average("least", min(first["curvatures"]))
        most = average("most", max(first["curvatures"]))
        distance = average("distance", average("norm", math.sqrt(squared)) / max(average("squared", squared), SMALLEST))
        variance = sum(self._variance(p, beta, known) for p in parameters)
        mu, lr = single_step(max(variance, 0.0), distance, least, most)
        found = average("lr", lr), average("momentum", mu)
        first["averages"] = averages
        for group in self.param_groups:
            group["found_lr"], group["momentum"] = found
            group["found_lr"] *= min(1.0, first["measured"] / (10 * WINDOW))  # slow start (§4.2)

    def _variance(self, parameter: Tensor, beta: float, known: float) -> float:
        """Return Σ E[g²] − E[g]² (Algorithm 3)."""
        held, gradient = self.state[parameter], _gradient(parameter)
        for name, value in (("mean", gradient), ("square", gradient**2)):
            average = _real(held.setdefault(name, torch.zeros_like(parameter)))
            average.mul_(beta).add_(value, alpha=1 - beta)
        return float((_real(held["square"]) / known - (_real(held["mean"]) / known) ** 2).sum())


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return _real(parameter.grad.detach())


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value) if value.is_complex() else value  # a complex number is two real ones


def single_step(variance: float, distance: float, least: float, most: float) -> tuple[float, float]:
    """Return the momentum and rate that bring one step of noisy descent nearest to the minimum (eq. 15, Appendix D).

    They minimise momentum·distance² + rate²·variance within the region where momentum alone sets the speed.
    """
    least, most = max(least, SMALLEST), max(most, SMALLEST)
    root = math.sqrt(most / least)
    robust = ((root - 1) / (root + 1)) ** 2  # the least momentum for which all curvatures converge alike
    mu = max(robust, _cubic_root(distance**2 * least**2 / (2 * max(variance, SMALLEST))) ** 2)
    return mu, (1 - math.sqrt(mu)) ** 2 / least


def _cubic_root(p: float) -> float:
    """Return the x in [0, 1] with p·x = (1 − x)³, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if p * middle > (1 - middle) ** 3 else (middle, high)
    return low
