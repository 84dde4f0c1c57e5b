"""Replace functions in modules, and restore them later."""

import functools
import io
import os
import shutil
import sys
from collections.abc import Callable, Collection, Sequence, Set
from types import ModuleType
from typing import Any

Function = Callable[..., Any]
Undo = list[Callable[[], None]]  # functions that undo changes, the latest change last
# Sets of `os` that contain the functions which accept certain arguments; `shutil` reads them.
_REPLACEABLE = (os, io, shutil)  # modules with the functions that are replaced
_SUPPORTS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


Place = tuple[dict[str, Any], str, int]  # a module's dictionary, a name in it, and the id of the function stored there

_scanned: dict[str, ModuleType] = {}  # the modules for which `_places` is complete
_places: list[Place] = []


def scan_modules() -> None:
    """Find where the imported modules store functions of `_REPLACEABLE`.

    A process calls this before it forks runs. A run that scanned these modules itself would copy most of their memory,
    because even reading an object changes its reference count.
    """
    functions = {id(value) for module in _REPLACEABLE for value in vars(module).values() if callable(value)}
    _places.extend(_find_places(functions))
    _scanned.update((name, module) for name, module in sys.modules.items() if isinstance(module, ModuleType))


def _find_places(functions: Set[int]) -> list[Place]:
    """Return where modules that have not been scanned store functions with these ids.

    The modules of this package are left out, since they keep the original functions.
    """
    found: list[Place] = []
    for name, module in list(sys.modules.items()):
        is_ours = name.partition(".")[0] == __name__.partition(".")[0]
        if is_ours or not isinstance(module, ModuleType) or _scanned.get(name) is module:
            continue
        stored = module.__dict__
        if not functions.isdisjoint(map(id, list(stored.values()))):  # False for most of thousands of modules
            found += [(stored, key, id(value)) for key, value in list(stored.items()) if id(value) in functions]
    return found


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
    for stored, name, function in (*_places, *_find_places(by_original.keys())):
        replacement, value = by_original.get(function), stored.get(name)
        if replacement is not None and id(value) == function:
            stored[name] = replacement
            undo.append(functools.partial(stored.__setitem__, name, value))


def restorer(undo: Undo) -> Callable[[], None]:
    """Return a function that undoes all changes of a list, the latest first."""
    return functools.partial(_undo_all, undo)


def _undo_all(undo: Undo) -> None:
    """Call the functions of a list, the last first, and empty the list."""
    while undo:
        undo.pop()()
