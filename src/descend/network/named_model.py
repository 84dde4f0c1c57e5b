"""A model by its name: `train.py:Net` in a file, `package.module:make_model` in a module."""

import torch
from torch import nn

from descend.ground.errors import UsageError
from descend.ground.named import named, told


def named_model(name: str, seed: int) -> nn.Module:
    """Return the model of that name, or what the class or function of that name makes without arguments.

    The file or module is imported, in this process, with torch's generator seeded. Raises `UsageError` for what is
    not there, cannot be imported or made, or is no `nn.Module`.
    """
    torch.manual_seed(seed)
    found = named(name, "model", "train.py:Net")
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(f"{name} is no nn.Module, nor makes one: it is a {type(found).__name__}")
    try:
        made = found()
    except Exception as error:  # whatever the user's own code raises
        raise UsageError(f"{name} makes no model without arguments: {told(error)}") from None
    if not isinstance(made, nn.Module):
        raise UsageError(f"{name} makes no nn.Module: it returns a {type(made).__name__}")
    return made
