"""Gradient noise, for networks that start badly: added between `backward` and `step`, as torch clips gradients."""

from collections.abc import Iterable

import torch
from torch import Tensor

BLOCK = 1 << 15  # numbers drawn at a time on a CPU, so that they are added while its cache holds them


@torch.no_grad()
def gradient_noise_(
    parameters: Tensor | Iterable[Tensor],
    step: int,
    eta: float = 0.3,
    gamma: float = 0.55,
    generator: torch.Generator | None = None,
) -> float:
    """Add normal noise of variance eta/(1+step)^gamma to every gradient (Neelakantan et al. 2015, eq. 1).

    Returns the noise's standard deviation. `step` counts from 0. Processes that share a model need generators that
    are seeded alike, or their copies part. Raises `ValueError` for a negative eta or step.
    """
    if eta < 0 or step < 0:
        raise ValueError(f"gradient_noise_: eta and step must be at least 0, not {eta} and {step}")
    deviation: float = (eta / (1 + step) ** gamma) ** 0.5
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is not None:
            is_flat = parameter.grad.device.type == "cpu" and parameter.grad.is_contiguous()
            for part in parameter.grad.view(-1).split(BLOCK) if is_flat else (parameter.grad,):
                part.add_(torch.empty_like(part).normal_(generator=generator), alpha=deviation)
    return deviation
