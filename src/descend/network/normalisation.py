"""Normalisation put into a network that has none, without a change of its code."""

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from descend.network.outputs import followed_by, hidden_layers

BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def insert_normalisation(model: nn.Module, kind: Literal["batch", "layer", "weight"]) -> int:
    """Put a normalisation behind every hidden linear and convolutional layer; return how many sites there were.

    batch: BatchNorm (Ioffe & Szegedy 2015), before the activation; layer: LayerNorm (Ba et al. 2016), over channels and
    places of a convolution; weight: weight norm (Salimans & Kingma 2016), of the layer's own weights. All are
    torch's, and parts of the layers that they follow: the code that calls these stays as it is. The last layer in
    the order in which the model names them is the output and is left alone; so are layers that a normalisation
    follows already, in the order in which the model names them, and those within an attention. Do it before the
    optimizer is made: there are new parameters.
    """
    if kind not in ("batch", "layer", "weight"):
        raise ValueError(f"insert_normalisation: kind must be batch, layer or weight, not {kind!r}")
    normalised = followed_by(model, NORMS)
    chosen = [layer for layer in hidden_layers(model) if layer not in normalised and not _has_one(layer)]
    for layer in chosen:
        if kind == "weight":
            weight_norm(layer)
        else:
            device, dtype = layer.weight.device, layer.weight.dtype
            layer.add_module("normalisation", _norm(layer, kind).to(device, dtype))
            layer.register_forward_hook(_normalise)
    return len(chosen)


def _has_one(layer: nn.Module) -> bool:
    return "normalisation" in layer._modules or is_parametrized(layer)


def _norm(layer: nn.Module, kind: str) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return nn.BatchNorm1d(layer.out_features) if kind == "batch" else nn.LayerNorm(layer.out_features)
    assert isinstance(layer, _ConvNd)
    places = layer.weight.dim() - 2
    return BATCH_NORMS[places](layer.out_channels) if kind == "batch" else nn.GroupNorm(1, layer.out_channels)


def _normalise(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """A forward hook: the layer's output through its normalisation; sequences count as more examples."""
    norm = layer.get_submodule("normalisation")
    if isinstance(norm, nn.BatchNorm1d) and isinstance(layer, nn.Linear):
        result: Tensor = norm(output.reshape(-1, output.shape[-1])).reshape(output.shape)
        return result
    return norm(output)
