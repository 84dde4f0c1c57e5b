"""Units with a twin: identical incoming weights, so that no gradient can tell them apart.

"Suppose you have two hidden units with identical incoming and outgoing weights. After a gradient descent update,
they will still have identical weights" (Ba, CSC413 lecture 4, Saddle points).
"""

import torch
from torch import Tensor

from descend.probes.moment import Measurement, Moment
from descend.record import Reading

SAME = 1e-6  # relative distance below which two units' weights count as identical, in float32


def twins(moment: Moment) -> Measurement:
    """Yield `twin_share` of each weight matrix: the share of its units (rows) that have an identical twin."""
    for parameter in moment.parameters:
        name = moment.name(parameter)
        if parameter.ndim >= 2 and parameter.shape[0] > 1 and name not in _embeddings(moment):
            yield Reading("twin_share", name, moment.step, twin_share(parameter.detach()))


def twin_share(weight: Tensor) -> float:
    """Return the share of rows of `weight` (units, ...) that equal another row to round-off."""
    rows = weight.reshape(weight.shape[0], -1).double()
    size = rows.abs().amax().clamp_min(1e-30)
    keys = (rows / (size * SAME)).round()
    _, inverse, counts = torch.unique(keys, dim=0, return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).double().mean())


def _embeddings(moment: Moment) -> set[str]:
    return moment.memory.get("embeddings", set())
