"""Replacing the output layer of a trained network, to train it on another task."""

from torch import nn


def replace_head(model: nn.Module, outputs: int) -> nn.Linear:
    """Replace the last linear layer by a new one with `outputs` outputs, and return it.

    The new layer has torch's initial weights, on the device and of the dtype of the old one. All other parameters keep
    their values. Call this before the optimizer is constructed (Optimization for Training Deep Models 2018, Bonus knob:
    warm start/pre-training).

    Parameters
    ----------
    model : torch.nn.Module
        The model to change. Its last linear layer in the order of `model.named_modules()` is the output layer.
    outputs : int
        The number of outputs of the new task.

    Returns
    -------
    torch.nn.Linear
        The new output layer.

    Raises
    ------
    ValueError
        If `outputs` is below 1, or the model has no linear layer or is one itself.
    """
    if outputs < 1:
        raise ValueError(f"replace_head: outputs must be at least 1, not {outputs}")
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Linear) and name]
    if not layers:
        raise ValueError(f"replace_head: {type(model).__name__} contains no linear layer that could be replaced")
    name, old = layers[-1]
    new = nn.Linear(old.in_features, outputs, old.bias is not None, old.weight.device, old.weight.dtype)
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, new)
    return new
