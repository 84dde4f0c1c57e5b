"""Inserting normalisation into a network without a change of its code."""

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from descend.network.outputs import hidden_layers, layers_in_order, modules_followed_by

BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def insert_normalisation(
    model: nn.Module, kind: Literal["batch", "layer", "weight"], at: Literal["output", "input"] = "output"
) -> int:
    """Insert a normalisation after every hidden linear or convolutional layer; return the number of these layers.

    The output layer (the last one in the order of `model.modules()`), layers inside `nn.MultiheadAttention`, and layers
    already followed by a normalisation stay unchanged. Call this before the optimizer is constructed, because it adds
    parameters.

    The normalisations are torch's and become submodules of the layers, so the code that calls the layers is unchanged.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    kind : {"batch", "layer", "weight"}
        "batch": BatchNorm before the activation (Ioffe & Szegedy 2015). "layer": LayerNorm, for a convolution over
        channels and positions (Ba et al. 2016). "weight": weight norm of the layer's weights (Salimans & Kingma 2016).
    at : {"output", "input"}
        "input": normalise the input of every layer but the first instead, after the activation of the previous one
        (Optimization for Training Deep Models 2018, Batch Normalization in every layer). The output layer's input is
        normalised, too.

    Returns
    -------
    int
        The number of layers that got a normalisation.

    Raises
    ------
    ValueError
        If `kind` or `at` is unknown, or for weight norm of an input.
    """
    if kind not in ("batch", "layer", "weight"):
        raise ValueError(f"insert_normalisation: kind must be batch, layer or weight, not {kind!r}")
    if at not in ("output", "input") or (at == "input" and kind == "weight"):
        raise ValueError(f"insert_normalisation: at must be output or input, and output for weight norm, not {at!r}")
    if at == "input":
        return _normalise_inputs(model, kind)
    normalised = modules_followed_by(model, NORMS)
    chosen = [layer for layer in hidden_layers(model) if layer not in normalised and not _is_normalised(layer)]
    for layer in chosen:
        if kind == "weight":
            weight_norm(layer)
        else:
            device, dtype = layer.weight.device, layer.weight.dtype
            layer.add_module("normalisation", _new_normalisation(layer, kind).to(device, dtype))
            layer.register_forward_hook(_apply_normalisation)
    return len(chosen)


def _normalise_inputs(model: nn.Module, kind: str) -> int:
    """Insert a normalisation before every layer but the first; return the number of these layers."""
    chosen = [layer for layer in layers_in_order(model)[1:] if not _is_normalised(layer)]
    for layer in chosen:
        device, dtype = layer.weight.device, layer.weight.dtype
        layer.add_module("normalisation", _new_normalisation(layer, kind, of_input=True).to(device, dtype))
        layer.register_forward_pre_hook(_normalise_input)
    return len(chosen)


def _normalise_input(layer: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a layer's arguments with a normalised input. Registered as a forward pre-hook."""
    return (_apply_normalisation(layer, arguments, arguments[0]), *arguments[1:])


def _is_normalised(layer: nn.Module) -> bool:
    """Return whether a normalisation was already inserted into the layer, or its weight is parametrised."""
    return "normalisation" in layer._modules or is_parametrized(layer)


def _new_normalisation(layer: nn.Module, kind: str, *, of_input: bool = False) -> nn.Module:
    """Return a new batch or layer normalisation for the layer's number of output (or input) features or channels."""
    if isinstance(layer, nn.Linear):
        features = layer.in_features if of_input else layer.out_features
        return nn.BatchNorm1d(features) if kind == "batch" else nn.LayerNorm(features)
    assert isinstance(layer, _ConvNd)
    channels = layer.in_channels if of_input else layer.out_channels
    return BATCH_NORMS[layer.weight.dim() - 2](channels) if kind == "batch" else nn.GroupNorm(1, channels)


def _apply_normalisation(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """Return a layer's output after the normalisation inserted into the layer. Registered as a forward hook.

    For batch normalisation of a linear layer, each time step of a sequence counts as one example.
    """
    norm = layer.get_submodule("normalisation")
    if isinstance(norm, nn.BatchNorm1d) and isinstance(layer, nn.Linear):
        result: Tensor = norm(output.reshape(-1, output.shape[-1])).reshape(output.shape)
        return result
    return norm(output)
