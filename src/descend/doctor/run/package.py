"""Where this package lies, for another interpreter's path, and how a module of it is started there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from descend.ground.temporary import sweep, temporary_folder

PACKAGE = Path(__file__).parents[2]
# Without the folder in which it starts: a script's own `json.py` is not ours, and would run before it is confined.
START = (
    "import sys; sys.flags.safe_path or sys.path.pop(0); sys.path.insert(0, {0!r}); from {1} import main; main({0!r})"
)


def starting(module: str, house: str) -> list[str]:
    """Return an interpreter's arguments that call `main(house)` of a module of this package, which lies in `house`."""
    return ["-c", START.format(house, module)]


@contextmanager
def package_link() -> Iterator[str]:
    """Yield a folder that holds this package and nothing else of our environment."""
    sweep()
    with temporary_folder() as house:
        os.symlink(PACKAGE, house / "descend")
        yield str(house)
