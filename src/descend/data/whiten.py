"""Inputs without correlations: principal components, each of variance 1 (LeCun et al. 1998, §4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.randomness import untouched_randomness

EXAMPLES = 50_000
FLAT = 1e-10  # of the largest variance: a direction below it is constant up to the precision of the data


class Whiten(nn.Module):
    """Λ^−½ Vᵀ(x − mean): the principal components of training data, of variance 1, the largest first.

    For features (N, D); other inputs are flattened behind their first axis. `components` says how many are kept; all
    by default. A direction in which the data are constant becomes 0. The fit reads the data once, batch by batch, at
    most `examples` of them (see `input_batches` for what `data` can be); mean and matrix are buffers, saved with the
    model. Raises `ValueError` for no more examples than components: they cannot be told from noise.

    >>> model = nn.Sequential(Whiten(loader, components=2), nn.Linear(2, 1))
    """

    mean: Tensor  # (D,)
    matrix: Tensor  # (components, D)

    def __init__(self, data: Any, components: int | None = None, *, examples: int = EXAMPLES) -> None:
        super().__init__()
        with untouched_randomness(), torch.no_grad():
            spread = _fit(input_batches(data, examples))
        features = len(spread.mean)
        kept = features if components is None else components
        if not 1 <= kept <= features:
            raise ValueError(f"Whiten: components must lie between 1 and the {features} features, not {components}")
        if spread.count <= kept:
            raise ValueError(f"Whiten: {spread.count} examples do not determine {kept} components: give fewer of them")
        variances, directions = torch.linalg.eigh(spread.products / spread.count)
        variances, directions = variances.flip(0)[:kept], directions.flip(1)[:, :kept]
        is_flat = variances <= FLAT * variances[0].clamp_min(torch.finfo(torch.float64).tiny)
        scale = torch.where(is_flat, 0.0, variances.clamp_min(torch.finfo(torch.float64).tiny) ** -0.5)
        self.register_buffer("mean", spread.mean.float())
        self.register_buffer("matrix", (directions * scale).T.float().contiguous())

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the components, (N, components), in the inputs' type. Raises `ValueError` for another width."""
        if not inputs.is_floating_point():
            raise ValueError(f"Whiten: it was given {inputs.dtype}: only real inputs can be whitened")
        flat = inputs.flatten(1)
        if flat.shape[1] != len(self.mean):
            raise ValueError(f"Whiten: it was fitted on {len(self.mean)} features, not on {flat.shape[1]}")
        wide = torch.promote_types(inputs.dtype, self.mean.dtype)
        return ((flat.to(wide) - self.mean) @ self.matrix.T.to(wide)).to(inputs.dtype)

    def extra_repr(self) -> str:
        """Return the number of features and of components."""
        return f"{len(self.mean)} features, {len(self.matrix)} components"


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


def _fit(batches: Iterator[Tensor]) -> Spread:
    total: Spread | None = None
    for batch in batches:
        rows = batch.detach().cpu().double().flatten(1)
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
