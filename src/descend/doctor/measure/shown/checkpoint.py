"""Read weights from a checkpoint file, to be used in place of the script's weights."""

from collections.abc import Iterator, Mapping, Sequence
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.snapshot import Snapshot, Unavailable

WRAPPED = ("module.", "_orig_mod.")  # DistributedDataParallel and torch.compile add these prefixes to parameter names.


def checkpoint_weights(snapshot: Snapshot, path: str) -> tuple[Tensor, ...]:
    """Return the weights from a file written by `torch.save`, in the order of the snapshot's parameters.

    The file may hold a model's state dict, or a container with a state dict in it. Raises `Unavailable` if it cannot be
    read or belongs to another network, and names the first missing parameter or both shapes.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, UnpicklingError) as error:
        raise Unavailable(f"{path} cannot be read as weights saved by torch.save: {_error_message(error)}") from None
    names = [snapshot.name(parameter) for parameter in snapshot.parameters]
    states = list(_tensor_mappings(held))
    if not states:
        raise Unavailable(f"{path} does not contain weights by name, as model.state_dict() returns them")
    found = max(states, key=lambda state: sum(name in state for name in names))
    return tuple(_saved_weights(found, name, p, path) for name, p in zip(names, snapshot.parameters))


def _error_message(error: Exception) -> str:
    """Return the first line of an error's message."""
    # torch's own message is not shown, because it advises the user to run arbitrary code from the file.
    if isinstance(error, UnpicklingError):
        return "the file is damaged, or contains objects other than tensors and plain values"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _tensor_mappings(held: Any) -> Iterator[Mapping[str, Tensor]]:
    """Yield every mapping from names to tensors that a loaded file contains, at any depth."""
    if isinstance(held, Mapping):
        tensors = {_unwrapped_name(name): value for name, value in held.items() if isinstance(value, Tensor)}
        if tensors:
            yield tensors
        for value in held.values():
            yield from _tensor_mappings(value)


def _unwrapped_name(name: Any) -> str:
    """Return a parameter's name without the prefixes that wrappers of the model add."""
    text = str(name)
    for prefix in WRAPPED:
        text = text.removeprefix(prefix)
    return text


def _saved_weights(state: Mapping[str, Tensor], name: str, parameter: Tensor, path: str) -> Tensor:
    """Return the saved weights of a parameter. Raises `Unavailable` if they are missing or have a different shape."""
    weights = state.get(_unwrapped_name(name))
    if weights is None:
        raise Unavailable(f"{path} has no {name}; it has {_abbreviated_list(list(state))}")
    if weights.shape != parameter.shape:
        there, here = tuple(weights.shape), tuple(parameter.shape)
        raise Unavailable(f"{name} has shape {there} in {path} and shape {here} in the script")
    return weights.to(parameter)


def _abbreviated_list(names: Sequence[str]) -> str:
    """Return the first five names as text, followed by the number of the others."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
