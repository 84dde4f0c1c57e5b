"""Gradient noise, for networks that start badly: added between `backward` and `step`, as torch clips gradients."""

from collections.abc import Iterable

import torch
from torch import Tensor

from descend.optim.engines.normal import add_normal_, takes


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
    are seeded alike, or their copies part; on a machine without a C compiler the same seed gives other numbers.
    Raises `ValueError` for a negative eta or step.
    """
    if eta < 0 or step < 0:
        raise ValueError(f"gradient_noise_: eta and step must be at least 0, not {eta} and {step}")
    deviation: float = (eta / (1 + step) ** gamma) ** 0.5
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    gradients = [p.grad for p in given if p.grad is not None]
    if native := [g for g in gradients if takes(g)]:
        device = None if generator is None else generator.device
        add_normal_(native, deviation, int(torch.randint(1 << 62, (), generator=generator, device=device)))
    for gradient in gradients:
        if not takes(gradient):
            gradient.add_(torch.empty_like(gradient).normal_(generator=generator), alpha=deviation)
    return deviation
