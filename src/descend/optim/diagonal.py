"""A rate for each weight from its own second derivative."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from descend.landscape import Hessian
from descend.optim.second_order import Closure, SecondOrder, product


class DiagonalNewton(SecondOrder):
    """Each weight's rate is lr / (|∂²J/∂w²| + damping) (LeCun et al. 1998, §9.1, eq. 47), the curvature averaged.

    The diagonal is estimated from `probes` Hessian-vector products with random signs (Bekas et al. 2007): exact where
    the Hessian is diagonal. It is measured anew every `every` steps; `decay` weighs the earlier measurements.

    >>> optimizer = DiagonalNewton(model.parameters(), lr=0.1)
    >>> loss = optimizer.step(lambda: loss_fn(model(x), y))
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        damping: float = 0.1,
        decay: float = 0.9,
        probes: int = 1,
        every: int = 1,
    ) -> None:
        if probes < 1 or every < 1:
            raise ValueError(f"DiagonalNewton: probes and every must be at least 1, not {probes} and {every}")
        super().__init__(params, {"lr": lr, "damping": damping, "decay": decay, "probes": probes, "every": every})

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        """Take one step; return the loss before it. Raises `RuntimeError` for a closure that has gone backward."""
        loss, gradient, hessian = self.differentiate(closure)
        first, parameters = self.param_groups[0], self.parameters()
        if self.state[parameters[0]].get("step", 0) % first["every"] == 0:
            self._measure(hessian, parameters, first["probes"])
        for (group, parameter), slope in zip(self.members(), gradient):
            held = self.state[parameter]
            held["step"] = held.get("step", 0) + 1
            curvature = held["curvature"] / (1 - group["decay"] ** held["measured"])
            parameter.addcdiv_(slope, curvature.abs() + group["damping"], value=-group["lr"])
        return loss

    def _measure(self, hessian: Hessian, parameters: list[Tensor], probes: int) -> None:
        found = [torch.zeros_like(parameter) for parameter in parameters]
        for _ in range(probes):
            signs = [torch.randint_like(p, 2) * 2 - 1 for p in parameters]
            for sum_, sign, image in zip(found, signs, product(hessian, signs)):
                sum_.addcmul_(sign, image, value=1 / probes)
        for (group, parameter), diagonal in zip(self.members(), found):
            held = self.state[parameter]
            held["measured"] = held.get("measured", 0) + 1
            held.setdefault("curvature", torch.zeros_like(parameter)).lerp_(diagonal, 1 - group["decay"])
