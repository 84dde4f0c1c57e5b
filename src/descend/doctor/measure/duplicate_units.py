"""Hidden units with identical incoming weights, which gradients cannot separate.

"Suppose you have two hidden units with identical incoming and outgoing weights. After a gradient descent update,
they will still have identical weights" (Ba, CSC413 lecture 4, Saddle points).
"""

import torch
from torch import Tensor

from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Reading

SAME = 1e-6  # Weights count as equal if they differ by less than this share of the largest weight.
NEIGHBOURS = 4  # Rows are sorted by a random projection, and each row is compared with this many rows after it.


def duplicate_units(snapshot: Snapshot) -> Measurement:
    """Yield, for each weight matrix, the share of its units that have the same incoming weights as another unit.

    The units are the rows; for an embedding, whose rows are looked up, they are the columns.
    """
    biases = {snapshot.name(p): p for p in snapshot.parameters if p.ndim == 1}
    for parameter in snapshot.parameters:
        name = snapshot.name(parameter)
        units = parameter.detach().T if name in snapshot.memory.get("embeddings", ()) else parameter.detach()
        if units.ndim >= 2 and units.shape[0] > 1:
            bias = biases.get(f"{name.removesuffix('weight')}bias") if name.endswith("weight") else None
            yield Reading("duplicate_share", name, snapshot.step, duplicate_share(units, bias))


def duplicate_share(weight: Tensor, bias: Tensor | None = None) -> float:
    """Return the share of rows of `weight` ``(units, …)``, with `bias` ``(units,)``, that equal another row."""
    rows = weight.reshape(len(weight), -1)
    rows = (torch.view_as_real(rows).flatten(1) if rows.is_complex() else rows).double()
    close = rows.abs().amax().clamp_min(1e-30).expand(rows.shape[1]) * SAME  # tolerance, shape (inputs,)
    if bias is not None and len(bias) == len(rows):
        column = bias.detach()[:, None].to(rows)
        rows = torch.cat([rows, column], 1)
        close = torch.cat([close, column.abs().amax(0).clamp_min(1e-30) * SAME])
    generator = torch.Generator().manual_seed(0)  # A separate generator leaves the script's random state unchanged.
    line = torch.rand(rows.shape[1], generator=generator, dtype=torch.float64).to(rows.device) + 0.5
    rows = rows[(rows / close @ line).argsort()]
    has_twin = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for distance in range(1, min(NEIGHBOURS, len(rows) - 1) + 1):
        same = ((rows[distance:] - rows[:-distance]).abs() <= close).all(1)
        has_twin[distance:] |= same
        has_twin[:-distance] |= same
    return float(has_twin.double().mean())
