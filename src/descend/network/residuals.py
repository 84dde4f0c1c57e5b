"""Inserting residual connections into a network without a change of its code."""

from typing import Any

from torch import Tensor, nn

from descend.network.outputs import hidden_layers

MARK = "has_residual_connection"  # attribute of a layer that has got one


def insert_residuals(model: nn.Module) -> int:
    """Add the input of every hidden layer of equal size to its output; return the number of these layers.

    A layer W with the activation φ then computes φ(x + Wx): the gradient also passes around W (He et al. 2016, §3.1).
    The output layer, which is the last one in the order of `model.modules()`, stays unchanged, and so do layers whose
    output has another shape than their input.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change. It keeps its parameters.

    Returns
    -------
    int
        The number of layers that got a residual connection.
    """
    chosen = [layer for layer in hidden_layers(model) if _keeps_size(layer) and not hasattr(layer, MARK)]
    for layer in chosen:
        setattr(layer, MARK, True)
        layer.register_forward_hook(_add_input)
    return len(chosen)


def _keeps_size(layer: nn.Module) -> bool:
    """Return whether a layer has as many outputs as inputs: features, or channels of a convolution without a stride."""
    if isinstance(layer, nn.Linear):
        return layer.in_features == layer.out_features
    return layer.in_channels == layer.out_channels and set(layer.stride) == {1}  # type: ignore[arg-type]


def _add_input(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    """Return a layer's output plus its input, if both have the same shape. Registered as a forward hook."""
    given: Tensor = arguments[0]
    return output + given if given.shape == output.shape else output
