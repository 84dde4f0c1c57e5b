"""The programs of `benchmarks/`, imported and kept apart from programs of the clinic with the same names."""

import importlib
import sys
from types import ModuleType

from .printed_texts import ROOT

SHARED = ("run", "measure")  # the clinic has programs of these names, too


def programs(*names: str) -> list[ModuleType]:
    """Return the programs of these names, and leave the shared names as they were."""
    others = {name: sys.modules.pop(name) for name in SHARED if name in sys.modules}
    sys.path.insert(0, str(ROOT / "benchmarks"))
    found = [importlib.import_module(name) for name in names]
    for name in SHARED:
        sys.modules.pop(name, None)
    sys.modules.update(others)
    return found
