"""Mean and standard deviation of each feature, fitted once and kept with a model as buffers of its own."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from descend.data.statistics import measure_features

WRAPPED = ("_orig_mod", "module")  # what torch.compile and the parallel wrappers call the model in them


def keep_statistics(model: nn.Module, names: tuple[str, str], batches: Iterator[Tensor]) -> tuple[int, ...]:
    """Give the model the mean and the standard deviation of the batches under these names; return an example's shape.

    Raises `ValueError` where there is nothing to take a mean of, or where the model has a name already. No random
    number is drawn.
    """
    if taken := [name for name in names if getattr(model, name, None) is not None]:
        raise ValueError(f"the model already has a {taken[0]} of its own")
    is_channels_first = isinstance(_first_layer(model), nn.Conv1d)
    moments, shape, example = measure_features(batches, is_channels_first=is_channels_first)
    device, dtype = place_and_precision(model)
    for name, statistic in zip(names, (moments.mean, moments.deviation(torch.finfo(dtype).eps))):
        model.register_buffer(name, statistic.reshape(shape).to(device, dtype))
    return example


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model in the wrappers that torch puts around it."""
    names = [name for name in WRAPPED if isinstance(model._modules.get(name), nn.Module)]
    is_wrapper = len(model._modules) == 1 and type(model).__module__.startswith("torch.")
    return unwrapped(model.get_submodule(names[0])) if names and is_wrapper else model


def _first_layer(model: nn.Module) -> nn.Module | None:
    return next((m for m in model.modules() if next(m.parameters(recurse=False), None) is not None), None)


def place_and_precision(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the model's device, and its precision but no less than float32."""
    own = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return own.device, torch.promote_types(own.dtype, torch.float32)
