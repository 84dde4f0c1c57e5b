"""Make each symbolic link once and share it by hard links, which cost a fiftieth of a symbolic link on ext4."""

import os
import threading
from contextlib import suppress


class Links:
    """The symbolic links of all scratch copies of a script, in a folder that outlives the copies. Thread-safe."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made: dict[str, str] = {}
        self._making = threading.Lock()
        self._can_be_shared = True
        self.slowest_s = 0.0  # seconds of the slowest creation or deletion of a scratch copy so far

    def link(self, target: str, path: str) -> None:
        """Make `path` a symbolic link to `target`. Raises `OSError` if that fails."""
        if self._can_be_shared:
            with suppress(OSError):
                os.link(self._shared_link(target), path, follow_symlinks=False)
                return
            self._can_be_shared = False  # no hard links between the copy and the folder are possible
        os.symlink(target, path)

    def _shared_link(self, target: str) -> str:
        """Return the path of the shared link to a target; create the link if it is missing."""
        with self._making:
            if target not in self._made:
                os.makedirs(self._folder, exist_ok=True)
                made = os.path.join(self._folder, str(len(self._made)))
                os.symlink(target, made)
                self._made[target] = made
            return self._made[target]
