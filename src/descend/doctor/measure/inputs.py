"""The network's inputs: mean and σ per feature, and their condition number compared with standardised inputs.

The Hessian of a first layer is a mixture of the inputs' second moments E[x xᵀ], with the bias as a constant input of 1
(LeCun et al. 1998, "Efficient BackProp", §5.1). So a non-zero mean matters as much as unequal scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.doctor.measure.messages import UNFED
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.measure.unit_dimensions import unit_dim, units_first
from descend.doctor.record import Fact, Reading, facts
from descend.doctor.tape import Recording, StaleData

MOST_FEATURES = 1024  # With more features than this, the second-moment matrix is not computed.
LISTED_FEATURES = 256  # largest number of features whose mean and σ the record lists
CONSTANT = 1e-6  # A feature counts as constant if its σ is below this share of its magnitude.
# If the columns have unit length, eigenvalues below this share of the largest eigenvalue are round-off.
NUMERICAL_RANK = 1e-10
ROUND_OFF = 1e-15  # Eigenvalues below this share of the largest eigenvalue are round-off, whatever the columns' scales.


@dataclass(frozen=True)
class InputStatistics:
    """Mean and standard deviation per feature, and the feature dimension of the tensor they describe."""

    mean: Tensor
    std: Tensor  # the standard deviation, replaced by 1 for constant features
    constant: Tensor  # whether each feature is constant
    dim: int

    def standardise(self, x: Tensor) -> Tensor:
        """Return (x − mean) / std with the statistics broadcast to `x`."""
        shape = [1] * x.ndim
        shape[self.dim] = -1
        return (x - self.mean.to(x.dtype).view(shape)) / self.std.to(x.dtype).view(shape)


def inputs(snapshot: Snapshot) -> Measurement:
    """Yield the fact `inputs`, and condition numbers and largest eigenvalues of raw and standardised inputs."""
    rows, dim, shape = network_inputs(snapshot.recordings())
    statistics = input_statistics(rows, dim)
    snapshot.memory["input_statistics"] = statistics
    layer = snapshot.recordings()[0].first_layer
    yield Fact.of(_describe_inputs(rows, statistics, shape, "" if layer is None else layer.name), snapshot.step)
    seen = rows[:, ~statistics.constant]
    if seen.shape[1] == 0 or seen.shape[1] > MOST_FEATURES or not seen.isfinite().all():
        return
    standard = (seen - seen.mean(0)) / seen.std(0, correction=0)
    for suffix, x in (("", seen), ("_standardised", standard)):
        largest, condition_number = second_moment_spectrum(x)
        yield Reading(f"input_condition_number{suffix}", "", snapshot.step, condition_number)
        yield Reading(f"input_largest_eigenvalue{suffix}", "", snapshot.step, largest)


def _describe_inputs(
    rows: Tensor, statistics: InputStatistics, shape: tuple[int, ...], first_layer: str
) -> facts.Inputs:
    """Return the size, the moments and the range of the network's inputs ``(examples, features)``."""
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


def network_inputs(recordings: Sequence[Recording]) -> tuple[Tensor, int, tuple[int, ...]]:
    """Return the network's inputs ``(examples, features)``, their feature dimension, and the first batch's shape.

    Raises `Unavailable`.
    """
    tensors = [network_input(recording) for recording in recordings]
    dim = feature_dim(recordings[0], tensors[0])
    if len({(t.ndim, t.shape[dim] if t.ndim > dim else 0) for t in tensors}) > 1:
        raise Unavailable("the batches have different numbers of features")
    return torch.cat([units_first(t, dim).T for t in tensors]).double(), dim, tuple(tensors[0].shape)


def network_input(recording: Recording) -> Tensor:
    """Return the real-valued input of the network's first layer. Raises `Unavailable` for token ids."""
    slot = recording.input_slot
    if slot is None:
        raise Unavailable(UNFED)
    caught: list[Tensor] = []

    def store_input(value: Tensor) -> Tensor:
        """Store the input of the first layer, and return it unchanged."""
        caught.append(value.detach().clone())
        return value

    try:
        with torch.no_grad():
            recording.run({}, replace={slot: store_input})
    except StaleData as stale:
        raise Unavailable(str(stale)) from None
    if not caught or not caught[-1].is_floating_point():
        raise Unavailable("the network's inputs are integers (token ids), which have no mean or variance")
    if caught[-1].ndim < 2:
        raise Unavailable("the network's inputs are single numbers, not examples with features")
    return no_grad_float(caught[-1])


def feature_dim(recording: Recording, x: Tensor) -> int:
    """Return the feature dimension of the network's input: the channels of images, otherwise the last dimension."""
    first = recording.first_layer
    return unit_dim("" if first is None else first.name, x.ndim)


def input_statistics(rows: Tensor, dim: int) -> InputStatistics:
    """Return mean and standard deviation of each feature of `rows` ``(examples, features)``."""
    mean, std = rows.mean(0), rows.std(0, correction=0)
    constant = std <= CONSTANT * rows.abs().amax(0).clamp_min(1e-30)
    return InputStatistics(mean, torch.where(constant, 1.0, std), constant, dim)


def second_moment_spectrum(x: Tensor) -> tuple[float, float]:
    """Return the largest eigenvalue and the condition number of E[(x, 1)(x, 1)ᵀ], ignoring eigenvalues of round-off."""
    augmented = torch.cat([x, x.new_ones(len(x), 1)], 1)
    values = torch.linalg.eigvalsh(augmented.T @ augmented / len(x))
    largest, least = float(values[-1]), float(values[-_numerical_rank(augmented)])
    return largest, largest / max(least, ROUND_OFF * largest)


def _numerical_rank(x: Tensor) -> int:
    """Return the numerical rank of a matrix after its columns are scaled to unit length."""
    unit = x / x.norm(dim=0)
    values = torch.linalg.eigvalsh(unit.T @ unit)
    return int((values > NUMERICAL_RANK * values[-1]).sum())
