"""Importing a model by its name: `train.py:Net` in a file, `package.module:make_model` in a module."""

import torch
from torch import nn

from descend.core.errors import UsageError
from descend.core.imported_object import error_message, import_object


def named_model(name: str, seed: int) -> nn.Module:
    """Import a model by its name. A class or function with that name is called without arguments and returns the model.

    The file or module is imported in this process, with torch's generator seeded. Raises `UsageError` if the name is
    missing, the import or the construction fails, or the result is not an `nn.Module`.
    """
    torch.manual_seed(seed)
    found = import_object(name, "model", "train.py:Net")
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(f"{name} is neither an nn.Module nor callable: it is a {type(found).__name__}")
    try:
        made = found()
    except Exception as error:  # The user's code can raise any exception.
        raise UsageError(f"{name} cannot be called without arguments: {error_message(error)}") from None
    if not isinstance(made, nn.Module):
        raise UsageError(f"{name} does not return an nn.Module, but a {type(made).__name__}")
    return made
