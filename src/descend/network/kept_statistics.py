"""Mean and standard deviation of each feature, stored as buffers of a model."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from descend.data.statistics import measure_features

# attributes that hold the model inside the wrappers of torch.compile and data-parallel training
WRAPPED = ("_orig_mod", "module")


def keep_statistics(model: nn.Module, names: tuple[str, str], batches: Iterator[Tensor]) -> tuple[int, ...]:
    """Store the mean and standard deviation of the batches as buffers of the model. Return the shape of one example.

    names: those of the two buffers. Raises `ValueError` without examples, and if the model already has one of them. No
    random number is drawn.
    """
    if taken := [name for name in names if getattr(model, name, None) is not None]:
        raise ValueError(f"the model already has an attribute {taken[0]}")
    is_channels_first = isinstance(_first_layer(model), nn.Conv1d)
    moments, shape, example = measure_features(batches, is_channels_first=is_channels_first)
    device, dtype = device_and_precision(model)
    for name, statistic in zip(names, (moments.mean, moments.deviation(torch.finfo(dtype).eps))):
        model.register_buffer(name, statistic.reshape(shape).to(device, dtype))
    return example


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the user's model, which torch.compile and data-parallel training may have wrapped in other modules."""
    names = [name for name in WRAPPED if isinstance(model._modules.get(name), nn.Module)]
    is_wrapper = len(model._modules) == 1 and type(model).__module__.startswith("torch.")
    return unwrap_model(model.get_submodule(names[0])) if names and is_wrapper else model


def _first_layer(model: nn.Module) -> nn.Module | None:
    """Return the first module that has parameters; None if there is no such module."""
    return next((m for m in model.modules() if next(m.parameters(recurse=False), None) is not None), None)


def device_and_precision(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the device of the model's parameters, and their dtype, or float32 if that is more precise."""
    own = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return own.device, torch.promote_types(own.dtype, torch.float32)
