"""A model by its name: `train.py:Net` in a file, `package.module:make_model` in a module."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from descend.errors import UsageError


def named_model(name: str, seed: int) -> nn.Module:
    """Return the model of that name, or what the class or function of that name makes without arguments.

    The file or module is imported, in this process, with torch's generator seeded. Raises `UsageError` for what is
    not there, cannot be imported or made, or is no `nn.Module`.
    """
    place, _, attribute = name.rpartition(":")
    if not (place and attribute):
        raise UsageError(f"{name} names no model; write FILE.py:NAME or module:NAME, such as train.py:Net")
    torch.manual_seed(seed)
    try:
        found: Any = attrgetter(attribute)(_imported(place))
    except AttributeError as error:
        raise UsageError(f"{name}: {error}") from None
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(f"{name} is no nn.Module, nor makes one: it is a {type(found).__name__}")
    try:
        made = found()
    except Exception as error:  # whatever the user's own code raises
        raise UsageError(f"{name} makes no model without arguments: {_told(error)}") from None
    if not isinstance(made, nn.Module):
        raise UsageError(f"{name} makes no nn.Module: it returns a {type(made).__name__}")
    return made


def _imported(place: str) -> ModuleType:
    path = Path(place)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise UsageError(f"there is no file {place}")
    sys.path.insert(0, str(path.absolute().parent if is_file else Path.cwd()))  # as Python itself does
    try:
        return _run(path) if is_file else import_module(place)
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise UsageError(f"{place} cannot be imported: {_told(error)}") from None


def _run(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # a file that ends in .py has both
    sys.argv = [str(path)]
    module = module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # a file called as a module of Python's does not take its place
    spec.loader.exec_module(module)
    return module


def _told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
