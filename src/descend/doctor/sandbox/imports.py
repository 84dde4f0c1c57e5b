"""Packages that are installed from the working directory are imported from its copy.

`pip install -e .` leaves absolute paths: a `.pth` file's on `sys.path`, or in a finder's table. Followed as
they stand, they lead to the originals, and an edit made in the copy would never run.
"""

import os
import sys
from pathlib import Path


def import_from_copy(copy: Path, original: Path) -> None:
    """Turn the import paths below `original` towards `copy`, before the script's modules are imported."""
    pair = os.path.realpath(copy), str(original)
    sys.path[:] = [_turned(entry, *pair) for entry in sys.path]
    for finder in sys.meta_path:
        table = getattr(sys.modules.get(finder.__module__), "MAPPING", None)
        if finder.__module__.startswith("__editable__") and isinstance(table, dict):
            table.update({package: _turned(path, *pair) for package, path in table.items()})


def _turned(path: str, copy: str, original: str) -> str:
    if not path.startswith((original + "/", original + os.sep)) and path != original:
        return path
    turned = copy + path[len(original) :]
    # a folder that is linked whole, such as a virtual environment, stays where it is
    own = os.path.realpath(turned)
    return turned if (own + "/").startswith(copy + "/") and os.path.exists(turned) else path
