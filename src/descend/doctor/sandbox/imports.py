"""Import packages that are installed from the working directory from its copy.

`pip install -e .` stores absolute paths: in a `.pth` file, which adds them to `sys.path`, or in the table of an import
finder. Without redirection the original package would be imported, and an edit in the copy would have no effect.
"""

import os
import sys
from pathlib import Path


def import_from_copy(copy: Path, original: Path) -> None:
    """Redirect import paths in the folder `original` to its copy, before the script's modules are imported."""
    pair = os.path.realpath(copy), str(original)
    sys.path[:] = [_path_in_copy(entry, *pair) for entry in sys.path]
    for finder in sys.meta_path:
        table = getattr(sys.modules.get(finder.__module__), "MAPPING", None)
        if finder.__module__.startswith("__editable__") and isinstance(table, dict):
            table.update({package: _path_in_copy(path, *pair) for package, path in table.items()})


def _path_in_copy(path: str, copy: str, original: str) -> str:
    """Return the path in the copy for a path in the folder `original`; any other path unchanged."""
    if not path.startswith((original + "/", original + os.sep)) and path != original:
        return path
    turned = copy + path[len(original) :]
    # Some folders, such as a virtual environment, are only a link in the copy. Paths in them are not redirected.
    own = os.path.realpath(turned)
    return turned if (own + "/").startswith(copy + "/") and os.path.exists(turned) else path
