"""Inputs without correlations: principal components, each of variance 1 (LeCun et al. 1998, §4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.ground.randomness import untouched_randomness

EXAMPLES = 50_000
FLAT = 1e-13  # of the largest variance: a direction below it is constant up to the rounding of float32 data


class Whiten(nn.Module):
    """Λ^−½ Vᵀ(x − mean): the principal components of training data, of variance 1, the largest first.

    For features (N, D); other inputs are flattened behind their first axis. `components` says how many are kept; all
    by default. `zca=True` turns them back, V Λ^−½ Vᵀ(x − mean): each then belongs to the feature that it is nearest
    to (Bell & Sejnowski 1997). `eps`, a share of the largest variance, is added to each variance, so that directions
    of less than that stay small. A direction in which the data are constant becomes 0. The fit reads the data once,
    batch by batch, at most `examples` of them (see `input_batches` for what `data` can be); mean and matrix are
    buffers, saved with the model. Raises `ValueError` for no more examples than components: they cannot be told from
    noise.

    >>> model = nn.Sequential(Whiten(loader, components=2), nn.Linear(2, 1))
    """

    mean: Tensor  # (D,)
    matrix: Tensor  # (components, D)

    def __init__(
        self, data: Any, components: int | None = None, *, zca: bool = False, eps: float = 0.0, examples: int = EXAMPLES
    ) -> None:
        super().__init__()
        mean, matrix = fit_whitening(data, components, zca=zca, eps=eps, examples=examples)
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the components, (N, components), in the inputs' type. Raises `ValueError` for another width."""
        return whitened(inputs, self.mean, self.matrix)

    def extra_repr(self) -> str:
        """Return the number of features and of components."""
        return f"{len(self.mean)} features, {len(self.matrix)} components"


def fit_whitening(
    data: Any, components: int | None = None, *, zca: bool = False, eps: float = 0.0, examples: int = EXAMPLES
) -> tuple[Tensor, Tensor]:
    """Return the mean (D,) and the matrix (components, D) that whiten `data`, without drawing a random number."""
    if zca and components is not None:
        raise ValueError("Whiten: zca turns all components back: it leaves none out")
    if not eps >= 0:
        raise ValueError(f"Whiten: eps must be at least 0, not {eps}")
    with untouched_randomness(), torch.no_grad():
        spread = _spread(input_batches(data, examples))
    features = len(spread.mean)
    kept = features if components is None else components
    if not 1 <= kept <= features:
        raise ValueError(f"Whiten: components must lie between 1 and the {features} features, not {components}")
    if spread.count <= kept:
        raise ValueError(f"Whiten: {spread.count} examples do not determine {kept} components: give fewer of them")
    variances, directions = torch.linalg.eigh(spread.products / spread.count)
    variances, directions = variances.flip(0)[:kept], directions.flip(1)[:, :kept]
    tiny = torch.finfo(torch.float64).tiny
    largest = variances[0].clamp_min(tiny)
    scale = torch.where(variances <= FLAT * largest, 0.0, (variances + eps * largest).clamp_min(tiny) ** -0.5)
    matrix = (directions * scale).T
    return spread.mean.float(), (directions @ matrix if zca else matrix).float().contiguous()


def whitened(inputs: Tensor, mean: Tensor, matrix: Tensor) -> Tensor:
    """Return the components (N, components) of inputs (N, …). Raises `ValueError` for another width than the fit's."""
    if not inputs.is_floating_point():
        raise ValueError(f"Whiten: it was given {inputs.dtype}: only real inputs can be whitened")
    flat = _rows(inputs)
    if flat.shape[1] != len(mean):
        raise ValueError(f"Whiten: it was fitted on {len(mean)} features, not on {flat.shape[1]}")
    wide = torch.promote_types(inputs.dtype, mean.dtype)
    return ((flat.to(wide) - mean) @ matrix.T.to(wide)).to(inputs.dtype)


def _rows(inputs: Tensor) -> Tensor:
    """Return inputs (N, …) as (N, D)."""
    if inputs.ndim < 2:
        raise ValueError(f"Whiten: inputs must be (N, D), not {tuple(inputs.shape)}: x[None] is a batch of one example")
    return inputs.flatten(1)


@dataclass(frozen=True)
class Spread:
    """Count, mean, and the sum of the products of deviations, in float64."""

    count: int
    mean: Tensor  # (D,)
    products: Tensor  # (D, D)

    def __add__(self, other: "Spread") -> "Spread":
        """Return that of both sets together (Chan, Golub & LeVeque 1983, for products)."""
        count = self.count + other.count
        step = other.mean - self.mean
        between = torch.outer(step, step) * (self.count * other.count / count)
        return Spread(count, self.mean + step * (other.count / count), self.products + other.products + between)


def _spread(batches: Iterator[Tensor]) -> Spread:
    total: Spread | None = None
    for batch in batches:
        rows = _rows(batch.detach().cpu().double())
        if not rows.isfinite().all():
            raise ValueError("Whiten: the examples hold infinities or NaN")
        mean = rows.mean(0)
        part = Spread(len(rows), mean, (rows - mean).T @ (rows - mean))
        if total is not None and len(mean) != len(total.mean):
            raise ValueError(f"Whiten: batches have {len(total.mean)} and {len(mean)} features")
        total = part if total is None else total + part
    if total is None:
        raise ValueError("Whiten: there are no examples")
    return total
