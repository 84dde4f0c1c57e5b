"""Tensors nested in lists, tuples and dictionaries, as torch calls take and return them.

`torch.utils._pytree` does the same for any registered type. This version supports only these three types because it
runs twice for every torch call and has to be fast.
"""

from collections.abc import Callable
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """Return the items nested in `tree` that are not lists, tuples or dictionaries, in order."""
    found: list[Any] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[Any]) -> None:
    """Append the items nested in `tree` that are not lists, tuples or dictionaries to `found`."""
    if isinstance(tree, list | tuple):
        for item in tree:
            _gather(item, found)
    elif isinstance(tree, dict):
        for item in tree.values():
            _gather(item, found)
    else:
        found.append(tree)


def map_leaves(change: Callable[[Any], Any], tree: Any) -> Any:
    """Return `tree` with `change` applied to each nested item that is not a list, tuple or dictionary."""
    kind = type(tree)
    if kind is tuple:
        return tuple([map_leaves(change, item) for item in tree])
    if kind is dict:
        return {key: map_leaves(change, item) for key, item in tree.items()}
    if kind is list:
        return [map_leaves(change, item) for item in tree]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind(*[map_leaves(change, item) for item in tree])
    if isinstance(tree, list | tuple):
        return [map_leaves(change, item) for item in tree]
    return change(tree)
