"""Gradient noise, which helps networks with a bad initialisation; added between `backward` and `step`."""

from collections.abc import Iterable

import torch
from torch import Tensor

from descend.optim.engines.normal import add_normal_, is_supported_tensor


@torch.no_grad()
def gradient_noise_(
    parameters: Tensor | Iterable[Tensor],
    step: int,
    eta: float = 0.3,
    gamma: float = 0.55,
    generator: torch.Generator | None = None,
) -> float:
    """Add normal noise of variance eta/(1+step)^gamma to every gradient (Neelakantan et al. 2015, eq. 1).

    Processes that train copies of one model need generators with the same seed, or the copies diverge. Without a C
    compiler the same seed gives other numbers.

    Parameters
    ----------
    parameters : torch.Tensor or iterable of them
        The parameters whose gradients get noise, in place.
    step : int
        The number of the step, counted from 0.
    eta : float
        The variance of the noise at step 0.
    gamma : float
        The exponent of the decay.
    generator : torch.Generator, optional
        The generator of the noise. Default: torch's own.

    Returns
    -------
    float
        The standard deviation of the noise.

    Raises
    ------
    ValueError
        For a negative eta or step.
    """
    if eta < 0 or step < 0:
        raise ValueError(f"gradient_noise_: `eta` and `step` must be at least 0, not {eta} and {step}")
    deviation: float = (eta / (1 + step) ** gamma) ** 0.5
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    gradients = [p.grad for p in tensors if p.grad is not None]
    if native := [g for g in gradients if is_supported_tensor(g)]:
        device = None if generator is None else generator.device
        add_normal_(native, deviation, int(torch.randint(1 << 62, (), generator=generator, device=device)))
    for gradient in gradients:
        if not is_supported_tensor(gradient):
            gradient.add_(torch.empty_like(gradient).normal_(generator=generator), alpha=deviation)
    return deviation
