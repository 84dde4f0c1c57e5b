"""Gradient noise, for networks that start badly: added between `backward` and `step`, as torch clips gradients."""

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def gradient_noise_(
    parameters: Iterable[Tensor],
    step: int,
    eta: float = 0.3,
    gamma: float = 0.55,
    generator: torch.Generator | None = None,
) -> float:
    """Add normal noise of variance eta/(1+step)^gamma to every gradient (Neelakantan et al. 2015, eq. 1).

    Returns the noise's standard deviation. `step` counts from 0. Raises `ValueError` for a negative eta or step.
    """
    if eta < 0 or step < 0:
        raise ValueError(f"gradient_noise_: eta and step must be at least 0, not {eta} and {step}")
    deviation: float = (eta / (1 + step) ** gamma) ** 0.5
    for parameter in parameters:
        if parameter.grad is not None:
            noise = torch.empty_like(parameter.grad).normal_(generator=generator)
            parameter.grad.add_(noise, alpha=deviation)
    return deviation
