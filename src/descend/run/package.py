"""Where this package lies, for another interpreter's path."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@contextmanager
def package_link() -> Iterator[str]:
    """Yield a folder that holds this package and nothing else of our environment."""
    with tempfile.TemporaryDirectory(prefix="descend-") as house:
        os.symlink(PACKAGE, Path(house, "descend"))
        yield house
