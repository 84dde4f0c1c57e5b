"""Weights out of a checkpoint, in the place of a script's own."""

from collections.abc import Iterator, Mapping, Sequence
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Snapshot, Unavailable

WRAPPED = ("module.", "_orig_mod.")  # what DistributedDataParallel and torch.compile put before a name


def saved_weights(snapshot: Snapshot, path: str) -> tuple[Tensor, ...]:
    """Return the weights of a file that `torch.save` has written, as the moment's parameters.

    The file may hold a model's state by itself or somewhere within. Raises `Unavailable` where it cannot be read, and
    where it is another network's: with the first name that is missing, or both shapes.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, UnpicklingError) as error:
        raise Unavailable(f"{path} cannot be read as weights that torch.save has written: {_reason(error)}") from None
    names = [snapshot.name(parameter) for parameter in snapshot.parameters]
    states = list(_states(held))
    if not states:
        raise Unavailable(f"{path} holds no weights by name, as model.state_dict() gives them")
    found = max(states, key=lambda state: sum(name in state for name in names))
    return tuple(_fitting(found, name, p, path) for name, p in zip(names, snapshot.parameters))


def _reason(error: Exception) -> str:
    if isinstance(error, UnpicklingError):  # torch's own words advise to run whatever the file holds
        return "it is none, or holds more than tensors and plain values"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _states(held: Any) -> Iterator[Mapping[str, Tensor]]:
    """Yield every mapping from names to tensors that there is."""
    if isinstance(held, Mapping):
        tensors = {_plain(name): value for name, value in held.items() if isinstance(value, Tensor)}
        if tensors:
            yield tensors
        for value in held.values():
            yield from _states(value)


def _plain(name: Any) -> str:
    text = str(name)
    for prefix in WRAPPED:
        text = text.removeprefix(prefix)
    return text


def _fitting(state: Mapping[str, Tensor], name: str, parameter: Tensor, path: str) -> Tensor:
    weights = state.get(_plain(name))
    if weights is None:
        raise Unavailable(f"{path} has no {name}; it has {_listed(list(state))}")
    if weights.shape != parameter.shape:
        there, here = tuple(weights.shape), tuple(parameter.shape)
        raise Unavailable(f"{name} is of shape {there} in {path} and of shape {here} in the script")
    return weights.to(parameter)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
