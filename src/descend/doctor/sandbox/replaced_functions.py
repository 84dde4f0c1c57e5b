"""Replace functions in modules, and restore them later."""

import functools
import os
import sys
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import Any

Function = Callable[..., Any]
Undo = list[Callable[[], None]]  # functions that undo changes, the latest change last
# Sets of `os` that contain the functions which accept certain arguments; `shutil` reads them.
_SUPPORTS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


def replace_function(modules: Sequence[ModuleType], name: str, replacement: Function, undo: Undo) -> None:
    """Replace a function in modules and in the sets of `os`; append the function that undoes this to `undo`."""
    original = getattr(modules[0], name)
    sets = [supports for supports in (getattr(os, each) for each in _SUPPORTS) if original in supports]
    for module in modules:
        setattr(module, name, replacement)
    for supports in sets:
        supports.add(replacement)

    def restore() -> None:
        """Restore the original function."""
        for module in modules:
            setattr(module, name, original)
        for supports in sets:
            supports.discard(replacement)

    undo.append(restore)


def replace_stored_functions(replacements: Collection[Function], undo: Undo) -> None:
    """Also replace functions where modules have stored them, for example by `from os import remove`.

    Each replacement has the original function as `__wrapped__`. The modules of this package keep the originals.
    """
    by_original = {id(getattr(replacement, "__wrapped__", None)): replacement for replacement in replacements}
    for module_name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or module_name.partition(".")[0] == __name__.partition(".")[0]:
            continue
        stored = module.__dict__
        if by_original.keys().isdisjoint(map(id, list(stored.values()))):
            continue  # most of the thousands of modules, found without a loop in Python
        for name, value in list(stored.items()):
            if (replacement := by_original.get(id(value))) is not None:
                stored[name] = replacement
                undo.append(functools.partial(stored.__setitem__, name, value))


def restorer(undo: Undo) -> Callable[[], None]:
    """Return a function that undoes all changes of a list, the latest first."""
    return functools.partial(_undo_all, undo)


def _undo_all(undo: Undo) -> None:
    """Call the functions of a list, the last first, and empty the list."""
    while undo:
        undo.pop()()
