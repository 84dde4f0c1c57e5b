"""The gradient noise scale: the batch size at which the gradient's standard error equals its norm.

B = tr Σ / |g|², from the squared norms of single batch gradients and of their mean (McCandlish et al. 2018, eq. 2.8 and
A.2). A step on far fewer examples is mostly noise; a step on far more is little better than on B examples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Reading
from descend.doctor.tape import StaleData
from descend.landscape.noise_scale import unbiased_moments

BATCHES = 8  # largest number of batches of the fixed examples that are used


def gradient_noise(snapshot: Snapshot) -> Measurement:
    """Yield the gradient noise scale in examples, if it is finite and several batches have the same size."""
    batches = snapshot.monitor[:BATCHES]
    recordings = [batch for batch in batches if batch.batch_size == batches[0].batch_size]
    if len(recordings) < 2:
        return
    total, squares = None, 0.0  # Only one gradient is kept at a time.
    for recording in recordings:
        try:
            gradient = recording.loss(snapshot.parameters).gradient(snapshot.parameters)
        except StaleData as stale:
            raise Unavailable(str(stale)) from None
        squares += _squared_norm(gradient)
        total = gradient if total is None else tuple(map(torch.add, total, gradient))
    assert total is not None
    of_one, of_all = squares / len(recordings), _squared_norm(total) / len(recordings) ** 2
    squared, variance = unbiased_moments(of_one, of_all, len(recordings), recordings[0].batch_size)
    if squared > 0 and variance >= 0:
        yield Reading("gradient_noise_scale", snapshot.key, snapshot.step, variance / squared)


def _squared_norm(gradient: Sequence[Tensor]) -> float:
    """Return the squared norm of a gradient, summed over all parameters."""
    return sum(float(part.double().square().sum()) for part in gradient)
