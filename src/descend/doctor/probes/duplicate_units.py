"""Units with a twin: identical incoming weights, so that no gradient can tell them apart.

"Suppose you have two hidden units with identical incoming and outgoing weights. After a gradient descent update,
they will still have identical weights" (Ba, CSC413 lecture 4, Saddle points).
"""

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Reading

SAME = 1e-6  # distance, as a share of the largest weight, below which two weights count as identical, in float32
NEIGHBOURS = 4  # rows compared with each in order of their projection; a stranger in between is a rare accident


def duplicate_units(snapshot: Snapshot) -> Measurement:
    """Yield `twin_share` of each weight matrix: the share of its units that have an identical twin.

    Units are the rows; of an embedding, whose rows are what is looked up, the features.
    """
    biases = {snapshot.name(p): p for p in snapshot.parameters if p.ndim == 1}
    for parameter in snapshot.parameters:
        name = snapshot.name(parameter)
        units = parameter.detach().T if name in _embeddings(snapshot) else parameter.detach()
        if units.ndim >= 2 and units.shape[0] > 1:
            bias = biases.get(f"{name.removesuffix('weight')}bias") if name.endswith("weight") else None
            yield Reading("twin_share", name, snapshot.step, twin_share(units, bias))


def twin_share(weight: Tensor, bias: Tensor | None = None) -> float:
    """Return the share of rows of `weight` (units, ...), `bias` (units,) included, that equal another to round-off."""
    rows = weight.reshape(len(weight), -1)
    rows = (torch.view_as_real(rows).flatten(1) if rows.is_complex() else rows).double()
    close = rows.abs().amax().clamp_min(1e-30).expand(rows.shape[1]) * SAME  # (inputs,)
    if bias is not None and len(bias) == len(rows):
        column = bias.detach()[:, None].to(rows)
        rows = torch.cat([rows, column], 1)
        close = torch.cat([close, column.abs().amax(0).clamp_min(1e-30) * SAME])
    generator = torch.Generator().manual_seed(0)  # private: the script's own random stream stays as it is
    line = torch.rand(rows.shape[1], generator=generator, dtype=torch.float64).to(rows.device) + 0.5
    rows = rows[(rows / close @ line).argsort()]
    has_twin = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for distance in range(1, min(NEIGHBOURS, len(rows) - 1) + 1):
        same = ((rows[distance:] - rows[:-distance]).abs() <= close).all(1)
        has_twin[distance:] |= same
        has_twin[:-distance] |= same
    return float(has_twin.double().mean())


def _embeddings(snapshot: Snapshot) -> set[str]:
    return snapshot.memory.get("embeddings", set())
