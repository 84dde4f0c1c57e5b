"""What the network is fed: mean and σ per feature, and how much worse conditioned it is than standardised.

The Hessian of a first layer is a mixture of the inputs' second moments E[x xᵀ], the bias included as a constant 1
(LeCun et al. 1998, "Efficient BackProp", §5.1). So off-centre inputs count as well as unequal scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.probes.units import unit_dim, units_first
from descend.doctor.probes.unread import UNFED
from descend.doctor.record import Fact, Reading, facts
from descend.doctor.tape import Recording, Stale

MOST_FEATURES = 1024  # beyond this the second-moment matrix is not formed
LISTED_FEATURES = 256  # features whose mean and σ the record lists
CONSTANT = 1e-6  # σ below this share of the feature's magnitude: it carries no information
NUMERICAL_RANK = 1e-10  # eigenvalues of columns of one length below this share of the largest are round-off,
ROUND_OFF = 1e-15  # and any others below this one


@dataclass(frozen=True)
class InputStatistics:
    """Mean and standard deviation per feature; the features' dimension of the tensor they belong to."""

    mean: Tensor
    std: Tensor  # 1 for constant features
    constant: Tensor  # bool
    dim: int

    def standardise(self, x: Tensor) -> Tensor:
        """Return (x − mean) / std with the statistics shaped to `x`."""
        shape = [1] * x.ndim
        shape[self.dim] = -1
        return (x - self.mean.to(x.dtype).view(shape)) / self.std.to(x.dtype).view(shape)


def inputs(snapshot: Snapshot) -> Measurement:
    """Yield the fact `inputs`, and `input_condition_number` raw and standardised with their largest eigenvalues."""
    rows, dim, shape = fed_rows(snapshot.recordings())
    statistics = input_statistics(rows, dim)
    snapshot.memory["input_statistics"] = statistics
    layer = snapshot.recordings()[0].first_layer
    yield Fact.of(_describe(rows, statistics, shape, "" if layer is None else layer.name), snapshot.step)
    seen = rows[:, ~statistics.constant]
    if seen.shape[1] == 0 or seen.shape[1] > MOST_FEATURES or not seen.isfinite().all():
        return
    standard = (seen - seen.mean(0)) / seen.std(0, correction=0)
    for suffix, x in (("", seen), ("_standardised", standard)):
        largest, condition_number = second_moment_spectrum(x)
        yield Reading(f"input_condition_number{suffix}", "", snapshot.step, condition_number)
        yield Reading(f"input_largest_eigenvalue{suffix}", "", snapshot.step, largest)


def _describe(rows: Tensor, statistics: InputStatistics, shape: tuple[int, ...], first_layer: str) -> facts.Inputs:
    return facts.Inputs(
        features=rows.shape[1],
        examples=rows.shape[0],
        constant_features=int(statistics.constant.sum()),
        mean=tuple(rows.mean(0)[:LISTED_FEATURES].tolist()),
        std=tuple(rows.std(0, correction=0)[:LISTED_FEATURES].tolist()),
        min=float(rows.min()),
        max=float(rows.max()),
        largest_rms=float(rows.square().mean(0).sqrt().max()),
        finite=bool(rows.isfinite().all()),
        shape=shape,
        first_layer=first_layer,
    )


def fed_rows(recordings: Sequence[Recording]) -> tuple[Tensor, int, tuple[int, ...]]:
    """Return what the network is fed (examples, features), the features' dimension, and the first batch's shape.

    Raises `Unavailable`.
    """
    tensors = [network_input(recording) for recording in recordings]
    dim = feature_dim(recordings[0], tensors[0])
    if len({(t.ndim, t.shape[dim] if t.ndim > dim else 0) for t in tensors}) > 1:
        raise Unavailable("the batches have features of different numbers")
    return torch.cat([units_first(t, dim).T for t in tensors]).double(), dim, tuple(tensors[0].shape)


def network_input(recording: Recording) -> Tensor:
    """Return the real-valued data that the network's first layer is fed. Raises `Unavailable` for token ids."""
    slot = recording.input_slot
    if slot is None:
        raise Unavailable(UNFED)
    caught: list[Tensor] = []

    def catch(value: Tensor) -> Tensor:
        caught.append(value.detach().clone())
        return value

    try:
        with torch.no_grad():
            recording.run({}, replace={slot: catch})
    except Stale as stale:
        raise Unavailable(str(stale)) from None
    if not caught or not caught[-1].is_floating_point():
        raise Unavailable("the network is fed integers (token ids), which name things and measure nothing")
    if caught[-1].ndim < 2:
        raise Unavailable("the network is fed single numbers, not examples with features")
    return no_grad_float(caught[-1])


def feature_dim(recording: Recording, x: Tensor) -> int:
    """Return the dimension of the network's input `x` that its features lie along: channels of images, or the last."""
    first = recording.first_layer
    return unit_dim("" if first is None else first.name, x.ndim)


def input_statistics(rows: Tensor, dim: int) -> InputStatistics:
    """Return the statistics of `rows` (examples, features)."""
    mean, std = rows.mean(0), rows.std(0, correction=0)
    constant = std <= CONSTANT * rows.abs().amax(0).clamp_min(1e-30)
    return InputStatistics(mean, torch.where(constant, 1.0, std), constant, dim)


def second_moment_spectrum(x: Tensor) -> tuple[float, float]:
    """Return the largest eigenvalue and the condition number of E[(x, 1)(x, 1)ᵀ], round-off left out."""
    augmented = torch.cat([x, x.new_ones(len(x), 1)], 1)
    values = torch.linalg.eigvalsh(augmented.T @ augmented / len(x))
    largest, least = float(values[-1]), float(values[-_rank(augmented)])
    return largest, largest / max(least, ROUND_OFF * largest)


def _rank(x: Tensor) -> int:
    """Return how many directions the columns span; their scales, however far apart, say nothing about that."""
    unit = x / x.norm(dim=0)
    values = torch.linalg.eigvalsh(unit.T @ unit)
    return int((values > NUMERICAL_RANK * values[-1]).sum())
