"""Start a module of this package in another interpreter, with this package on its path."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from descend.core.temporary import delete_leftover_folders, temporary_folder

PACKAGE = Path(__file__).parents[2]
# The working directory leaves the import path, because a script's own `json.py` would run before the sandbox exists.
START = (
    "import sys; sys.flags.safe_path or sys.path.pop(0); sys.path.insert(0, {0!r}); from {1} import main; main({0!r})"
)


def start_arguments(module: str, package_folder: str) -> list[str]:
    """Return interpreter arguments that import a module of this package and call its `main(package_folder)`."""
    return ["-c", START.format(package_folder, module)]


@contextmanager
def package_link() -> Iterator[str]:
    """Yield a temporary folder that contains only this package, without other installed packages."""
    delete_leftover_folders()
    with temporary_folder() as package_folder:
        os.symlink(PACKAGE, package_folder / "descend")
        yield str(package_folder)
