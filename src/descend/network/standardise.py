"""Inputs brought to mean 0 and standard deviation 1, inside the model (LeCun et al. 1998, section 4.3).

The statistics become buffers of the model and are applied before its forward pass: training, evaluation and
a saved model all see the same inputs, and the data stay as they are.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.network.batches import input_batches
from descend.network.moments import Moments, measure_moments
from descend.network.randomness import untouched_randomness

EXAMPLES = 4096  # the standard error of a mean is then 1/64 of the feature's standard deviation
NAMES = ("input_mean", "input_std")
WRAPPED = ("_orig_mod", "module")  # what torch.compile and the parallel wrappers call the model in them


@dataclass(frozen=True)
class Standardise:
    """A forward pre-hook: (x - mean) / standard deviation on the first positional argument."""

    example: tuple[int, ...]  # shape of one example at the fit

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with the inputs standardised; their type and device stay."""
        if not arguments or not isinstance(arguments[0], Tensor):
            raise TypeError("standardise_inputs needs the model's inputs as its first positional argument")
        inputs, *others = arguments
        if not inputs.is_floating_point():
            raise ValueError(f"the model was given {inputs.dtype}: only real inputs can be standardised")
        mean, deviation = (self._shaped(getattr(module, name), inputs) for name in NAMES)
        return ((inputs - mean) / deviation).to(inputs.dtype), *others

    def _shaped(self, statistic: Tensor, inputs: Tensor) -> Tensor:
        """Return the statistic so that it broadcasts, also where the examples were flattened on their way."""
        statistic = statistic.to(inputs.device)
        shape = tuple(inputs.shape[1:])
        if statistic.numel() == 1:
            return statistic.reshape(())
        if len(shape) == len(self.example) or tuple(inputs.shape) == self.example:
            return statistic
        if statistic.ndim == 1 and shape[-1:] == self.example[-1:]:
            return statistic
        if prod(shape) == prod(self.example):
            return statistic.expand(self.example).reshape(shape)
        raise ValueError(f"the inputs were fitted on examples of shape {self.example}, not {shape}")


def standardise_inputs(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` standardise its inputs by the mean and standard deviation of those in `data`; return it.

    One mean for each feature of (N, D) and (N, T, D), for each channel of (N, C, H, W) and of what enters a
    `Conv1d`, one alone for (N,). Constant features are only centred. At most `examples` are read; see
    `input_batches` for what `data` can be. A second call does nothing, and no random number is drawn.
    Raises `TypeError` for data that cannot be read, `ValueError` for inputs that have no scale.
    """
    model = _unwrapped(model)
    if any(isinstance(hook, Standardise) for hook in model._forward_pre_hooks.values()):
        return model
    if taken := [name for name in NAMES if getattr(model, name, None) is not None]:
        raise ValueError(f"the model has a {taken[0]} of its own")
    with untouched_randomness(), torch.no_grad():
        moments, shape, example = _fit(model, data, examples)
    device, dtype = _place_and_precision(model)
    for name, statistic in zip(NAMES, (moments.mean, moments.deviation(torch.finfo(dtype).eps))):
        model.register_buffer(name, statistic.reshape(shape).to(device, dtype))
    model.register_forward_pre_hook(Standardise(example))
    return model


def _unwrapped(model: nn.Module) -> nn.Module:
    names = [name for name in WRAPPED if isinstance(model._modules.get(name), nn.Module)]
    is_wrapper = len(model._modules) == 1 and type(model).__module__.startswith("torch.")
    return _unwrapped(model.get_submodule(names[0])) if names and is_wrapper else model


def _fit(model: nn.Module, data: Any, examples: int) -> tuple[Moments, tuple[int, ...], tuple[int, ...]]:
    """Return the moments of the inputs, the shape that broadcasts over examples, and an example's shape."""
    total: Moments | None = None
    for inputs in input_batches(data, examples):
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
        raise ValueError("the inputs hold infinities or NaN: they have no mean and standard deviation")
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
