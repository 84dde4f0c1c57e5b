"""Importing an object by its name in a file or a module: `train.py:Net`, `package.module:make_model`."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from descend.core.errors import UsageError


def import_object(name: str, kind: str, example: str) -> Any:
    """Import a `.py` file or a module in this process and return the object called `name`, such as `train.py:Net`.

    kind, example: describe the expected object in messages. Raises `UsageError` if it is missing or the import fails.
    """
    place, _, attribute = name.rpartition(":")
    if not (place and attribute):
        raise UsageError(f"{name} is not the name of a {kind}; write FILE.py:NAME or module:NAME, such as {example}")
    try:
        return attrgetter(attribute)(_import_module(place))
    except AttributeError as error:
        raise UsageError(f"{name}: {error}") from None


def error_message(error: BaseException) -> str:
    """Return the type and the message of an error in the user's code as one line of text."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _import_module(place: str) -> ModuleType:
    """Import a `.py` file, given by its path, or a module, given by its name. Raises `UsageError` if this fails."""
    path = Path(place)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise UsageError(f"there is no file {place}")
    # Python itself also puts the folder of the file that it runs at the front of the import path.
    sys.path.insert(0, str(path.absolute().parent if is_file else Path.cwd()))
    try:
        return _run_as_module(path) if is_file else import_module(place)
    except (Exception, SystemExit) as error:  # the user's code may raise any exception
        raise UsageError(f"{place} cannot be imported: {error_message(error)}") from None


def _run_as_module(path: Path) -> ModuleType:
    """Run a `.py` file as a module that is named like the file, and return the module."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # A `.py` file always has a spec and a loader.
    sys.argv = [str(path)]
    module = module_from_spec(spec)
    # `setdefault` keeps a standard module that has the same name as the file.
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module
