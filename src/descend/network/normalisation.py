"""Inserting normalisation into a network without a change of its code."""

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from descend.network.outputs import hidden_layers, modules_followed_by

BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def insert_normalisation(model: nn.Module, kind: Literal["batch", "layer", "weight"]) -> int:
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

    Returns
    -------
    int
        The number of layers that got a normalisation.

    Raises
    ------
    ValueError
        If `kind` is unknown.
    """
    if kind not in ("batch", "layer", "weight"):
        raise ValueError(f"insert_normalisation: kind must be batch, layer or weight, not {kind!r}")
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


def _is_normalised(layer: nn.Module) -> bool:
    """Return whether a normalisation was already inserted into the layer, or its weight is parametrised."""
    return "normalisation" in layer._modules or is_parametrized(layer)


def _new_normalisation(layer: nn.Module, kind: str) -> nn.Module:
    """Return a new batch or layer normalisation module for the layer's number of output features or channels."""
    if isinstance(layer, nn.Linear):
        return nn.BatchNorm1d(layer.out_features) if kind == "batch" else nn.LayerNorm(layer.out_features)
    assert isinstance(layer, _ConvNd)
    places = layer.weight.dim() - 2
    return BATCH_NORMS[places](layer.out_channels) if kind == "batch" else nn.GroupNorm(1, layer.out_channels)


def _apply_normalisation(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """Return a layer's output after the normalisation inserted into the layer. Registered as a forward hook.

    For batch normalisation of a linear layer, each time step of a sequence counts as one example.
    """
    norm = layer.get_submodule("normalisation")
    if isinstance(norm, nn.BatchNorm1d) and isinstance(layer, nn.Linear):
        result: Tensor = norm(output.reshape(-1, output.shape[-1])).reshape(output.shape)
        return result
    return norm(output)
