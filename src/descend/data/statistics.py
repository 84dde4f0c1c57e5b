"""Mean and standard deviation of each feature, in one pass over the examples."""

from collections.abc import Iterator

import torch
from torch import Tensor

from descend.core.randomness import preserve_random_states
from descend.data.moments import Moments, measure_moments


def measure_features(
    batches: Iterator[Tensor], *, is_channels_first: bool = False
) -> tuple[Moments, tuple[int, ...], tuple[int, ...]]:
    """Return the moments of each feature, the shape in which they broadcast over an example, and the example's shape.

    ``(N, L, D)`` is a sequence of D features, or L channels if is_channels_first. Raises `ValueError` without examples.
    The random number generators do not change.
    """
    total: Moments | None = None
    with preserve_random_states(), torch.no_grad():
        for inputs in batches:
            axis = _feature_axis(inputs, is_channels_first)
            moments = measure_moments(_feature_rows(inputs, axis))
            if total is None:
                total, example = moments, tuple(inputs.shape[1:])
                shape = _statistic_shape(inputs, axis)
            elif len(moments.mean) != len(total.mean):
                raise ValueError(
                    f"batches differ in their number of features: {len(total.mean)} and {len(moments.mean)}"
                )
            else:
                total += moments
    if total is None:
        raise ValueError("a mean cannot be computed, because there are no examples")
    if not torch.isfinite(total.squares).all():
        raise ValueError("the examples contain infinity or NaN, so they have no mean and standard deviation")
    return total, shape, example


def _feature_axis(inputs: Tensor, is_channels_first: bool) -> int | None:
    """Return the axis of the features or channels of a batch of inputs; None for inputs ``(N,)``."""
    if inputs.ndim < 2:
        return None
    is_sequence = inputs.ndim == 3 and not is_channels_first
    return -1 if inputs.ndim == 2 or is_sequence else 1


def _feature_rows(inputs: Tensor, axis: int | None) -> Tensor:
    """Return the inputs as a matrix ``(rows, features)``, with one row for each position on the other axes."""
    if axis is None:
        return inputs.reshape(-1, 1)
    return inputs.movedim(axis, -1).reshape(-1, inputs.shape[axis])


def _statistic_shape(inputs: Tensor, axis: int | None) -> tuple[int, ...]:
    """Return the shape in which one number per feature broadcasts over an example."""
    if axis is None:
        return ()
    return (inputs.shape[axis],) + (1,) * (inputs.ndim - 2 if axis == 1 else 0)
