"""Support scripts with their own module named `descend`: the script imports its own, this package imports itself.

Both have the same name, so `sys.modules` can contain only one of them at a time. It contains the script's module,
except while a module of this package imports another.
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
    """Let the script's `import descend` find the script's own module of that name, if it has one."""
    package_folder = os.path.dirname(_PACKAGE)
    path = [folder for folder in sys.path if folder != package_folder]
    found = PathFinder.find_spec(NAME, path)
    if found is not None and not _is_this_package(found):
        # This package's folder is removed, because python would prefer it to a folder without `__init__.py`.
        sys.path[:] = path
        builtins.__import__ = _ImportByFile(builtins.__import__)


def _is_this_package(found: ModuleSpec) -> bool:
    """Return whether the module that the import system found is this package."""
    places = found.submodule_search_locations or [os.path.dirname(found.origin or "")]
    return any(os.path.realpath(place) == os.path.realpath(_PACKAGE) for place in places)


class _ImportByFile:
    """A replacement of `builtins.__import__` that gives `import descend` the package that the importing file needs."""

    def __init__(self, imported: Import) -> None:
        self._import = imported
        self._aside = _take_modules()  # modules of the package named `descend` that is not in `sys.modules`
        self._is_ours = False  # whether this package, not the script's, is in `sys.modules`
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
            with self._hold_in_modules(ours=True):
                return self._import(name, globals, locals, fromlist, level)
        with self._hold_in_modules(ours=False):
            pass  # waits until no other thread is importing a module of this package
        return self._import(name, globals, locals, fromlist, level)

    @contextmanager
    def _hold_in_modules(self, *, ours: bool) -> Iterator[None]:
        """Inside the `with` block, keep this package (if `ours`) or the script's package `descend` in `sys.modules`."""
        with self._turn:
            before = self._is_ours
            self._put_in_modules(ours)
            try:
                yield
            finally:
                self._put_in_modules(before)

    def _put_in_modules(self, ours: bool) -> None:
        """Put this package or the script's package of the same name into `sys.modules`, unless it is already there."""
        if ours != self._is_ours:
            waiting, self._aside = self._aside, _take_modules()
            sys.modules.update(waiting)
            self._is_ours = ours


def _take_modules() -> dict[str, ModuleType]:
    """Remove `descend` and its submodules from `sys.modules`, and return them."""
    names = [name for name in list(sys.modules) if name.partition(".")[0] == NAME]
    return {name: sys.modules.pop(name) for name in names}
