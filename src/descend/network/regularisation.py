"""Inserting dropout and data augmentation into a network without a change of its code."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from descend.data.augment import RandomAffine
from descend.network.outputs import hidden_layers

NOISE = 0.3  # standard deviation of the noise, in that of each feature over the batch
AFFINE = {"translate": 0.1, "rotate": 10.0}  # share of the image's size, and degrees


def insert_dropout(model: nn.Module, p: float = 0.5) -> int:
    """Insert dropout after every hidden linear or convolutional layer; return the number of these layers.

    The output layer, which is the last one in the order of `model.modules()`, stays unchanged (Srivastava et al. 2014).
    Dropout works in training mode only, so evaluate the model after `model.eval()`.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    p : float
        The probability with which an output is dropped.

    Returns
    -------
    int
        The number of layers that got dropout.

    Raises
    ------
    ValueError
        If `p` is outside [0, 1).
    """
    if not 0 <= p < 1:
        raise ValueError(f"insert_dropout: p must be in [0, 1), not {p}")

    def drop_outputs(layer: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        """Return a layer's output after dropout. Registered as a forward hook."""
        return dropout(output, p, layer.training)

    layers = hidden_layers(model)
    for layer in layers:
        layer.register_forward_hook(drop_outputs)
    return len(layers)


def augment_inputs(model: nn.Module, kind: Literal["noise", "affine"]) -> None:
    """Change the model's first input at random in each forward pass, in training mode only.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    kind : {"noise", "affine"}
        "noise": Gaussian noise of 0.3 standard deviations of each feature (Bishop 1995b). "affine": images of shape
        ``(N, C, H, W)`` are shifted by at most a tenth of their size and rotated by at most 10 degrees (LeCun et al.
        1998b, §III.C).

    Raises
    ------
    ValueError
        If `kind` is unknown.
    """
    if kind not in ("noise", "affine"):
        raise ValueError(f"augment_inputs: kind must be noise or affine, not {kind!r}")
    affine = RandomAffine(**AFFINE)

    def change_inputs(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments of a forward pass with a changed first one. Registered as a forward pre-hook."""
        x, *others = arguments
        if not module.training:
            return arguments
        if kind == "affine":
            return (affine(x), *others)
        spread = x.std(0, keepdim=True) if len(x) > 1 else torch.ones_like(x)
        return (x + NOISE * spread * torch.randn_like(x), *others)

    model.register_forward_pre_hook(change_inputs)
