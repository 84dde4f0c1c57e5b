"""Mean and standard deviation of each feature, fitted once and kept with a model as buffers of its own."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from descend.network.moments import Moments, measure_moments
from descend.network.randomness import untouched_randomness

WRAPPED = ("_orig_mod", "module")  # what torch.compile and the parallel wrappers call the model in them


def keep_statistics(model: nn.Module, names: tuple[str, str], batches: Iterator[Tensor]) -> tuple[int, ...]:
    """Give the model the mean and the standard deviation of the batches under these names; return an example's shape.

    Raises `ValueError` where there is nothing to take a mean of, or where the model has a name already. No random
    number is drawn.
    """
    if taken := [name for name in names if getattr(model, name, None) is not None]:
        raise ValueError(f"the model has a {taken[0]} of its own")
    with untouched_randomness(), torch.no_grad():
        moments, shape, example = _fit(model, batches)
    device, dtype = _place_and_precision(model)
    for name, statistic in zip(names, (moments.mean, moments.deviation(torch.finfo(dtype).eps))):
        model.register_buffer(name, statistic.reshape(shape).to(device, dtype))
    return example


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model in the wrappers that torch puts around it."""
    names = [name for name in WRAPPED if isinstance(model._modules.get(name), nn.Module)]
    is_wrapper = len(model._modules) == 1 and type(model).__module__.startswith("torch.")
    return unwrapped(model.get_submodule(names[0])) if names and is_wrapper else model


def _fit(model: nn.Module, batches: Iterator[Tensor]) -> tuple[Moments, tuple[int, ...], tuple[int, ...]]:
    """Return the moments of the batches, the shape that broadcasts over examples, and an example's shape."""
    total: Moments | None = None
    for inputs in batches:
        axis = feature_axis(inputs, model)
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


def feature_axis(inputs: Tensor, model: nn.Module) -> int | None:
    """Return the axis of `inputs` along which features differ; None for (N,)."""
    if inputs.ndim < 2:
        return None
    is_sequence = inputs.ndim == 3 and not isinstance(_first_layer(model), nn.Conv1d)
    return -1 if inputs.ndim == 2 or is_sequence else 1


def _first_layer(model: nn.Module) -> nn.Module | None:
    return next((m for m in model.modules() if next(m.parameters(recurse=False), None) is not None), None)


def _rows(inputs: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        return inputs.reshape(-1, 1)
    return inputs.movedim(axis, -1).reshape(-1, inputs.shape[axis])


def _statistic_shape(inputs: Tensor, axis: int | None) -> tuple[int, ...]:
    if axis is None:
        return ()
    return (inputs.shape[axis],) + (1,) * (inputs.ndim - 2 if axis == 1 else 0)


def _place_and_precision(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the model's device, and its precision but no less than float32."""
    own = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return own.device, torch.promote_types(own.dtype, torch.float32)
