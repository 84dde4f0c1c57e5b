"""Whitening: uncorrelated inputs of variance 1 (LeCun et al. 1998, §4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from descend.core.randomness import preserve_random_states
from descend.data.batches import input_batches

EXAMPLES = 50_000
FLAT = 1e-13  # share of the largest variance; smaller variances of float32 data are rounding errors


class Whiten(nn.Module):
    """A module that returns the principal components of its inputs, each scaled to variance 1, the largest first.

    The components are Λ^−½ Vᵀ(x − mean). Inputs are ``(N, D)``; others are flattened after the first axis. A constant
    direction becomes 0. Mean and matrix are buffers, saved with the model.

    Parameters
    ----------
    data : DataLoader, Dataset, Tensor or iterable of batches
        The training data, which is read in one pass.
    components : int, optional
        The number of components. Default: all.
    zca : bool
        Whether to rotate the components back, V Λ^−½ Vᵀ(x − mean), so that each is close to one feature (Bell &
        Sejnowski 1997).
    eps : float
        A share of the largest variance, which is added to each variance so that directions with less variance stay
        small.
    examples : int
        The largest number of examples that are read.

    Raises
    ------
    ValueError
        Unless there are more examples than components.

    Examples
    --------
    >>> model = nn.Sequential(Whiten(loader, components=2), nn.Linear(2, 1))
    """

    mean: Tensor  # shape (D,)
    matrix: Tensor  # shape (components, D)

    def __init__(
        self, data: Any, components: int | None = None, *, zca: bool = False, eps: float = 0.0, examples: int = EXAMPLES
    ) -> None:
        super().__init__()
        mean, matrix = fit_whitening(data, components, zca=zca, eps=eps, examples=examples)
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the scaled components of each input, ``(N, components)``. Raises `ValueError` for another shape."""
        return apply_whitening(inputs, self.mean, self.matrix)

    def extra_repr(self) -> str:
        """Return the number of features and the number of components as text, for the module's `repr`."""
        return f"{len(self.mean)} features, {len(self.matrix)} components"


def fit_whitening(
    data: Any, components: int | None = None, *, zca: bool = False, eps: float = 0.0, examples: int = EXAMPLES
) -> tuple[Tensor, Tensor]:
    """Return the mean ``(D,)`` and the matrix ``(components, D)`` that whiten `data`.

    The random number generators do not change.
    """
    if zca and components is not None:
        raise ValueError("Whiten: zca=True uses all components, so components must be None")
    if not eps >= 0:
        raise ValueError(f"Whiten: eps must be at least 0, not {eps}")
    with preserve_random_states(), torch.no_grad():
        spread = _sum_products(input_batches(data, examples))
    features = len(spread.mean)
    kept = features if components is None else components
    if not 1 <= kept <= features:
        raise ValueError(f"Whiten: components must be between 1 and the {features} features, not {components}")
    if spread.count <= kept:
        raise ValueError(f"Whiten: {spread.count} examples are too few to determine {kept} components")
    variances, directions = torch.linalg.eigh(spread.products / spread.count)
    variances, directions = variances.flip(0)[:kept], directions.flip(1)[:, :kept]
    tiny = torch.finfo(torch.float64).tiny
    largest = variances[0].clamp_min(tiny)
    scale = torch.where(variances <= FLAT * largest, 0.0, (variances + eps * largest).clamp_min(tiny) ** -0.5)
    matrix = (directions * scale).T
    return spread.mean.float(), (directions @ matrix if zca else matrix).float().contiguous()


def apply_whitening(inputs: Tensor, mean: Tensor, matrix: Tensor) -> Tensor:
    """Return ``matrix @ (x − mean)`` for each input x, as ``(N, components)``.

    Raises `ValueError` if the inputs differ from `mean` in their number of features.
    """
    if not inputs.is_floating_point():
        raise ValueError(f"Whiten: the inputs are {inputs.dtype}: only floating-point inputs can be whitened")
    flat = _flatten_examples(inputs)
    if flat.shape[1] != len(mean):
        raise ValueError(f"Whiten: the mean was computed for {len(mean)} features, but the inputs have {flat.shape[1]}")
    wide = torch.promote_types(inputs.dtype, mean.dtype)
    return ((flat.to(wide) - mean) @ matrix.T.to(wide)).to(inputs.dtype)


def _flatten_examples(inputs: Tensor) -> Tensor:
    """Return the inputs ``(N, …)`` with each example flattened to one row of D features, as ``(N, D)``."""
    if inputs.ndim < 2:
        raise ValueError(f"Whiten: inputs must be (N, D), not {tuple(inputs.shape)}. For a single example, use x[None]")
    return inputs.flatten(1)


@dataclass(frozen=True)
class CovarianceSums:
    """The number of examples, the mean of each feature, and the unnormalised covariance matrix, in float64."""

    count: int
    mean: Tensor  # shape (D,)
    products: Tensor  # shape (D, D): the sums over the examples of (x_i − mean_i)·(x_j − mean_j)

    def __add__(self, other: "CovarianceSums") -> "CovarianceSums":
        """Return the statistics of the union of two sets of examples (Chan, Golub & LeVeque 1983, for products)."""
        count = self.count + other.count
        step = other.mean - self.mean
        between = torch.outer(step, step) * (self.count * other.count / count)
        return CovarianceSums(count, self.mean + step * (other.count / count), self.products + other.products + between)


def _sum_products(batches: Iterator[Tensor]) -> CovarianceSums:
    """Return the mean and the covariance sums of all batches together. Raises `ValueError` if they are undefined."""
    total: CovarianceSums | None = None
    for batch in batches:
        rows = _flatten_examples(batch.detach().cpu().double())
        if not rows.isfinite().all():
            raise ValueError("Whiten: the examples contain infinity or NaN")
        mean = rows.mean(0)
        part = CovarianceSums(len(rows), mean, (rows - mean).T @ (rows - mean))
        if total is not None and len(mean) != len(total.mean):
            raise ValueError(f"Whiten: batches differ in their number of features: {len(total.mean)} and {len(mean)}")
        total = part if total is None else total + part
    if total is None:
        raise ValueError("Whiten: there are no examples")
    return total
