"""Mean and standard deviation of each feature of the examples, in one pass over them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from descend.data.moments import Moments, measure_moments
from descend.ground.randomness import untouched_randomness


def measure_features(
    batches: Iterator[Tensor], *, is_channels_first: bool = False
) -> tuple[Moments, tuple[int, ...], tuple[int, ...]]:
    """Return the moments of the batches, the shape that broadcasts over examples, and an example's shape.

    (N, L, D) is a sequence of D features, or of L channels where those come first. Raises `ValueError` where there is
    nothing to take a mean of. No random number is drawn.
    """
    total: Moments | None = None
    with untouched_randomness(), torch.no_grad():
        for inputs in batches:
            axis = _feature_axis(inputs, is_channels_first)
            moments = measure_moments(_rows(inputs, axis))
            if total is None:
                total, example = moments, tuple(inputs.shape[1:])
                shape = _statistic_shape(inputs, axis)
            elif len(moments.mean) != len(total.mean):
                raise ValueError(f"batches have {len(total.mean)} and {len(moments.mean)} features")
            else:
                total += moments
    if total is None:
        raise ValueError("there are no examples to take a mean of")
    if not torch.isfinite(total.squares).all():
        raise ValueError("the examples hold infinities or NaN: they have no mean and standard deviation")
    return total, shape, example


def _feature_axis(inputs: Tensor, is_channels_first: bool) -> int | None:
    """Return the axis of `inputs` along which features differ; None for (N,)."""
    if inputs.ndim < 2:
        return None
    is_sequence = inputs.ndim == 3 and not is_channels_first
    return -1 if inputs.ndim == 2 or is_sequence else 1


def _rows(inputs: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        return inputs.reshape(-1, 1)
    return inputs.movedim(axis, -1).reshape(-1, inputs.shape[axis])


def _statistic_shape(inputs: Tensor, axis: int | None) -> tuple[int, ...]:
    if axis is None:
        return ()
    return (inputs.shape[axis],) + (1,) * (inputs.ndim - 2 if axis == 1 else 0)
