"""The growth of gradients with depth: the product of the Jacobians of random layers."""

from dataclasses import dataclass

import torch
from torch import Tensor

SLOPES = {
    "linear": torch.ones_like,
    "relu": lambda h: (h > 0).to(h.dtype),
    "tanh": lambda h: 1 - h.tanh() ** 2,
}
APPLIED = {"linear": lambda h: h, "relu": torch.relu, "tanh": torch.tanh}


@dataclass(frozen=True)
class Growth:
    """The logarithm of ‖J₁⋯J_d v‖² for a unit vector v, as a function of the depth d.

    Parameters
    ----------
    logarithms : torch.Tensor
        One row for each draw of the weights, one column for each depth: ``(draws, depth)``.
    """

    logarithms: Tensor

    @property
    def mean(self) -> Tensor:
        """The mean over the draws, by depth."""
        return self.logarithms.mean(0)

    @property
    def variance(self) -> Tensor:
        """The variance over the draws, by depth."""
        return self.logarithms.var(0)

    @property
    def per_layer(self) -> tuple[float, float]:
        """The mean and the variance that a layer adds: those of the last depth, divided by it."""
        depth = self.logarithms.shape[1]
        return self.mean[-1].item() / depth, self.variance[-1].item() / depth


def gradient_growth(activation: str, gain: float, width: int, depth: int, draws: int, seed: int = 0) -> Growth:
    """Return how a vector grows through the Jacobians of random layers of equal width, from the first one on.

    A layer computes φ(Wx) with weights of standard deviation gain/√width, so its Jacobian is diag(φ'(Wx))·W. The
    squared norm is a product of random factors. Its logarithm is a sum, so its variance grows in proportion to the
    depth (Hanin & Nica 2020, Theorem 1).

    Parameters
    ----------
    activation : str
        "linear", "relu" or "tanh".
    gain : float
        The standard deviation of the weights, times the root of the width.
    width : int
        The number of units of each layer.
    depth : int
        The number of layers.
    draws : int
        The number of networks.
    seed : int
        The seed of the weights, of the input and of the vector.

    Returns
    -------
    Growth
        The logarithms of the squared norms.

    Raises
    ------
    ValueError
        If the activation is unknown or a number is not positive.
    """
    if activation not in SLOPES:
        raise ValueError(f"gradient_growth: activation must be one of {', '.join(SLOPES)}, not {activation!r}")
    if min(gain, width, depth, draws) <= 0:
        raise ValueError("gradient_growth: gain, width, depth and draws must be above 0")
    generator = torch.Generator().manual_seed(seed)
    h = torch.randn(draws, width, 1, generator=generator, dtype=torch.float64)
    v = torch.randn(draws, width, 1, generator=generator, dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    logarithm, found = torch.zeros(draws, dtype=torch.float64), []
    for _ in range(depth):
        weights = torch.randn(draws, width, width, generator=generator, dtype=torch.float64) * (gain / width**0.5)
        before = weights @ h
        v = SLOPES[activation](before) * (weights @ v)
        h = APPLIED[activation](before)
        norm = v.norm(dim=1, keepdim=True).clamp_min(1e-300)  # A narrow rectified layer can be dead for an input.
        logarithm = logarithm + 2 * norm.flatten().log()
        v = v / norm
        found.append(logarithm)
    return Growth(torch.stack(found, 1))


def predicted_growth(activation: str, gain: float, width: int) -> tuple[float, float] | None:
    """Return the mean and the variance that a layer adds to the logarithm; None if no closed form is known.

    For linear layers, the factor of a layer is gain²·χ²(width)/width. For rectified layers, it is gain²·χ²(k)/width,
    where the number k of active units is binomially distributed.
    """
    scale = 2 * torch.tensor(gain, dtype=torch.float64).log() - torch.tensor(width, dtype=torch.float64).log()
    if activation == "linear":
        counts, shares = torch.tensor([float(width)]), torch.ones(1)
    elif activation == "relu":
        counts = torch.arange(1.0, width + 1, dtype=torch.float64)
        logs = torch.lgamma(torch.tensor(width + 1.0)) - torch.lgamma(counts + 1) - torch.lgamma(width - counts + 1)
        shares = (logs - width * torch.log(torch.tensor(2.0))).exp()
        shares = shares / shares.sum()
    else:
        return None
    means = torch.digamma(counts / 2) + torch.log(torch.tensor(2.0))
    mean = (shares * means).sum()
    variance = (shares * (torch.polygamma(1, counts / 2) + (means - mean) ** 2)).sum()
    return (mean + scale).item(), variance.item()
