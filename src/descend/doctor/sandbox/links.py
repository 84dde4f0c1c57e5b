"""Symbolic links of which each is made once: a further name of one costs a fiftieth of another one on an ext4."""

import os
import threading
from contextlib import suppress


class Links:
    """The links of all scratch copies for a script, in a folder that outlives these; several threads may ask."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made: dict[str, str] = {}
        self._making = threading.Lock()
        self._can_be_shared = True

    def link(self, target: str, path: str) -> None:
        """Make `path` a link to `target`. Raises `OSError`."""
        if self._can_be_shared:
            with suppress(OSError):
                os.link(self._known(target), path, follow_symlinks=False)
                return
            self._can_be_shared = False  # on another file system, or one that has no further names
        os.symlink(target, path)

    def _known(self, target: str) -> str:
        with self._making:
            if target not in self._made:
                os.makedirs(self._folder, exist_ok=True)
                made = os.path.join(self._folder, str(len(self._made)))
                os.symlink(target, made)
                self._made[target] = made
            return self._made[target]
