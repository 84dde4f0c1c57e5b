"""A script with a module named `descend`: the script imports that one, and this package goes on importing itself.

Both have the same name, so `sys.modules` can hold only one of them at a time. It holds the script's module, except
while a module of this package imports another.
"""

import builtins
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = __name__.partition(".")[0]
_PACKAGE = str(Path(os.path.abspath(__file__)).parents[2])

Import = Callable[..., ModuleType]


def make_way_for_namesake() -> None:
    """Let the script's `import descend` find what it would find under plain python, where that is not this package."""
    house = os.path.dirname(_PACKAGE)
    path = [folder for folder in sys.path if folder != house]
    found = PathFinder.find_spec(NAME, path)
    if found is not None and not _is_this_package(found):
        sys.path[:] = path  # of a folder without `__init__.py` python would think less than of this package
        builtins.__import__ = _Importing(builtins.__import__)


def _is_this_package(found: ModuleSpec) -> bool:
    places = found.submodule_search_locations or [os.path.dirname(found.origin or "")]
    return any(os.path.realpath(place) == os.path.realpath(_PACKAGE) for place in places)


class _Importing:
    """What `builtins.__import__` becomes: it looks at who imports, where `descend` or a part of it is asked for."""

    def __init__(self, imported: Import) -> None:
        self._import = imported
        self._aside = _taken()  # the modules of the package that does not have its turn
        self._is_ours = False  # whose turn it is
        self._turn = threading.RLock()

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level or name.partition(".")[0] != NAME:
            return self._import(name, globals, locals, fromlist, level)
        if str((globals or {}).get("__file__", "")).startswith(_PACKAGE + os.sep):
            with self._turn_of(ours=True):
                return self._import(name, globals, locals, fromlist, level)
        with self._turn_of(ours=False):
            pass  # another thread's import of ours has ended
        return self._import(name, globals, locals, fromlist, level)

    @contextmanager
    def _turn_of(self, *, ours: bool) -> Iterator[None]:
        with self._turn:
            before = self._is_ours
            self._give_turn(ours)
            try:
                yield
            finally:
                self._give_turn(before)

    def _give_turn(self, ours: bool) -> None:
        if ours != self._is_ours:
            waiting, self._aside = self._aside, _taken()
            sys.modules.update(waiting)
            self._is_ours = ours


def _taken() -> dict[str, ModuleType]:
    """Take all modules called `descend` or below it out of `sys.modules`."""
    names = [name for name in list(sys.modules) if name.partition(".")[0] == NAME]
    return {name: sys.modules.pop(name) for name in names}
