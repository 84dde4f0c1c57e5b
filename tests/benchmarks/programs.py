"""The programs of `benchmarks/`, imported and kept apart from a program of the clinic with the same name."""

import importlib
import sys
from types import ModuleType

from .printed_texts import ROOT

SHARED = "run"  # the clinic has a program of this name, too


def programs(*names: str) -> list[ModuleType]:
    """Return the programs of these names, and leave the module of the shared name as it was."""
    other = sys.modules.pop(SHARED, None)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    found = [importlib.import_module(name) for name in names]
    sys.modules.pop(SHARED, None)
    if other is not None:
        sys.modules[SHARED] = other
    return found
