"""What stands under a name in a file or a module: `train.py:Net`, `package.module:make_model`."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from descend.ground.errors import UsageError


def named(name: str, kind: str, example: str) -> Any:
    """Return what a file or module holds under a name; it is imported in this process.

    Raises `UsageError` for what is not there or cannot be imported. `kind` and `example` say what was wanted.
    """
    place, _, attribute = name.rpartition(":")
    if not (place and attribute):
        raise UsageError(f"{name} names no {kind}; write FILE.py:NAME or module:NAME, such as {example}")
    try:
        return attrgetter(attribute)(_imported(place))
    except AttributeError as error:
        raise UsageError(f"{name}: {error}") from None


def told(error: BaseException) -> str:
    """Return an error of the user's own code in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _imported(place: str) -> ModuleType:
    path = Path(place)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise UsageError(f"there is no file {place}")
    sys.path.insert(0, str(path.absolute().parent if is_file else Path.cwd()))  # as Python itself does
    try:
        return _run(path) if is_file else import_module(place)
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise UsageError(f"{place} cannot be imported: {told(error)}") from None


def _run(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # a file that ends in .py has both
    sys.argv = [str(path)]
    module = module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # a file called as a module of Python's does not take its place
    spec.loader.exec_module(module)
    return module
