"""The gradient noise scale: how many examples' gradients average to one as large as its own error.

B = tr Σ / |g|², by the squared norms of one batch's gradient and of the mean of several (McCandlish et al. 2018,
eq. 2.8 and A.2). A step of far fewer examples is mostly noise; one of far more is hardly better than a step of B.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Reading
from descend.doctor.tape import Recording, Stale
from descend.landscape.noise_scale import moments

BATCHES = 8  # of the fixed ones


def gradient_noise(snapshot: Snapshot) -> Measurement:
    """Yield `gradient_noise_scale`, in examples, where there are several batches of one size and it is finite."""
    recordings = _of_one_size(snapshot.monitor[:BATCHES])
    if len(recordings) < 2:
        return
    total, squares = None, 0.0  # of so many gradients, of which only one is held at a time
    for recording in recordings:
        try:
            gradient = recording.loss(snapshot.parameters).gradient(snapshot.parameters)
        except Stale as stale:
            raise Unavailable(str(stale)) from None
        squares += _squared_norm(gradient)
        total = gradient if total is None else tuple(map(torch.add, total, gradient))
    assert total is not None
    of_one, of_all = squares / len(recordings), _squared_norm(total) / len(recordings) ** 2
    squared, variance = moments(of_one, of_all, len(recordings), recordings[0].examples)
    if squared > 0 and variance >= 0:
        yield Reading("gradient_noise_scale", snapshot.key, snapshot.step, variance / squared)


def _squared_norm(gradient: Sequence[Tensor]) -> float:
    return sum(float(part.double().square().sum()) for part in gradient)


def _of_one_size(recordings: tuple[Recording, ...]) -> list[Recording]:
    return [r for r in recordings if r.examples == recordings[0].examples]
