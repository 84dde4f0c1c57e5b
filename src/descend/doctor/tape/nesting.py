"""Tensors nested in the lists, tuples and dictionaries that torch calls take and give.

What `torch.utils._pytree` does for any registered type, for these few only: it is called twice for every torch call.
"""

from collections.abc import Callable
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """Return everything in `tree` that is no list, tuple or dictionary, in order."""
    found: list[Any] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, list | tuple):
        for item in tree:
            _gather(item, found)
    elif isinstance(tree, dict):
        for item in tree.values():
            _gather(item, found)
    else:
        found.append(tree)


def mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    """Return `tree` with each leaf changed; dictionaries and tuples with names become plain ones of their kind."""
    kind = type(tree)
    if kind is tuple:
        return tuple([mapped(change, item) for item in tree])
    if kind is dict:
        return {key: mapped(change, item) for key, item in tree.items()}
    if kind is list:
        return [mapped(change, item) for item in tree]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind(*[mapped(change, item) for item in tree])
    if isinstance(tree, list | tuple):
        return [mapped(change, item) for item in tree]
    return change(tree)
