"""Diagonal Newton: each weight's learning rate follows from its own second derivative of the loss."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from descend.landscape import Hessian
from descend.optim.second_order import Closure, SecondOrder, hessian_vector_product


class DiagonalNewton(SecondOrder):
    """Gradient descent in which each weight w has the learning rate lr / (|∂²J/∂w²| + damping). J is the loss.

    The second derivative is a running mean with decay factor `decay` (LeCun et al. 1998, §9.1, eq. 47). Every `every`
    steps the Hessian's diagonal is estimated from `probes` Hessian-vector products with random signs (Bekas et al.
    2007). The estimate is exact if the Hessian is diagonal.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate lr in lr / (|∂²J/∂w²| + damping).
    damping : float
        The number that is added to the second derivatives.
    decay : float
        The decay factor of the running mean, in [0, 1).
    probes : int
        The number of Hessian-vector products of an estimate.
    every : int
        The number of steps between two estimates.

    Raises
    ------
    ValueError
        If `probes` or `every` is less than 1, or a number is outside its limits.

    Examples
    --------
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
            raise ValueError(f"DiagonalNewton: `probes` and `every` must be at least 1, not {probes} and {every}")
        super().__init__(params, {"lr": lr, "damping": damping, "decay": decay, "probes": probes, "every": every})

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        """Take one step, and return the loss before the step.

        Raises `RuntimeError` for a missing closure, or one that calls `backward`.
        """
        loss, gradient, hessian = self.differentiate(closure)
        first_group, parameters = self.param_groups[0], self.parameters()
        if self.state[parameters[0]].get("step", 0) % first_group["every"] == 0:
            self._update_curvature(hessian, parameters, first_group["probes"])
        for (group, parameter), slope in zip(self.grouped_parameters(), gradient):
            state = self.state[parameter]
            state["step"] = state.get("step", 0) + 1
            curvature = state["curvature"] / (1 - group["decay"] ** state["measured"])
            parameter.addcdiv_(slope, curvature.abs() + group["damping"], value=-group["lr"])
        return loss

    def _update_curvature(self, hessian: Hessian, parameters: list[Tensor], probes: int) -> None:
        """Estimate the diagonal of the Hessian, and update the running mean of the diagonal for each parameter."""
        diagonals = [torch.zeros_like(parameter) for parameter in parameters]
        for _ in range(probes):
            signs = [torch.randint_like(p, 2) * 2 - 1 for p in parameters]
            for sum_, sign, image in zip(diagonals, signs, hessian_vector_product(hessian, signs)):
                sum_.addcmul_(sign, image, value=1 / probes)
        for (group, parameter), diagonal in zip(self.grouped_parameters(), diagonals):
            state = self.state[parameter]
            state["measured"] = state.get("measured", 0) + 1
            state.setdefault("curvature", torch.zeros_like(parameter)).lerp_(diagonal, 1 - group["decay"])
