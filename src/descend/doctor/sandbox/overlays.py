"""Mount the private layers of a run on top of users' folders, so that the changes stay in the layers (overlayfs).

A layer is on the disk, in the scratch copy, so that large checkpoints do not fill the memory. A layer is in memory in
three cases: for shared memory, for the folder that contains the scratch copy, and if the disk's file system is not
suitable for overlayfs. All layers in memory share one limit.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from descend.doctor.sandbox import devices, kernel
from descend.doctor.sandbox.layers import ALWAYS

FOLDER = "layers"  # folder in the scratch copy with the private layers
_MEMORY, _DISK = "memory", "disk"
_ATTRIBUTE = "user.overlay.test"  # overlayfs stores attributes with the prefix "user.overlay." (option userxattr)
_MODE = 0o1777  # mode of a folder in which all users may create files, but may delete only their own
# The kernel limits a tmpfs to half of the machine's memory (tmpfs(5), option size). Here it is half of what is free.
_SHARE = 2


class Overlays:
    """The private layers of a run in the scratch copy's folder `top`. To be used in the run's own mount namespace."""

    def __init__(self, top: Path) -> None:
        self._top, self._folder = top, top / FOLDER
        self._is_disk_suitable = False
        self._mounted = 0
        for kind in (_MEMORY, _DISK):
            (self._folder / kind).mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Mount the memory for layers and enter the folder of the layers, as `mount` requires. Raises `OSError`."""
        kernel.mount("tmpfs", str(self._folder / _MEMORY), "tmpfs", f"size={memory_limit()}")
        self._is_disk_suitable = _has_user_attributes(self._folder / _DISK)
        os.chdir(self._folder)  # the paths of the layers are relative, because a layer on /tmp hides the scratch copy

    def mount(self, folder: str, mode: int) -> None:
        """Mount a writable layer on top of a folder. Raises `OSError` if overlayfs does not support the folder.

        `mode` is the mode of the folder with the layer, which belongs to this user.
        """
        # overlayfs does not allow a layer inside the folder that it covers.
        is_on_disk = self._is_disk_suitable and not self._top.is_relative_to(folder)
        if is_on_disk and folder != str(devices.SHARED_MEMORY):
            with suppress(OSError):  # for example a network's file system, which overlayfs cannot change
                self._mount_in(_DISK, folder, mode)
                return
        self._mount_in(_MEMORY, folder, mode)

    def hide(self) -> None:
        """Hide the folder of the layers from the script, since overlayfs allows no other changes in it."""
        kernel.mount("tmpfs", str(self._folder), "tmpfs", "size=4k,mode=0")
        kernel.make_read_only(str(self._folder), with_all_below=False)

    def _mount_in(self, kind: str, folder: str, mode: int) -> None:
        """Mount a layer that is in the folder `kind` on top of a folder."""
        layer = Path(kind, str(self._mounted))
        self._mounted += 1
        upper, work = layer / "upper", layer / "work"
        for part in (layer, upper, work):
            part.mkdir()
        upper.chmod(mode)
        kernel.mount("overlay", folder, "overlay", f"lowerdir={folder},upperdir={upper},workdir={work},userxattr")


def layer_mode(folder: str) -> int:
    """Return the mode that gives this user, as the owner of a folder's layer, the same rights as in the folder.

    In the folders of `ALWAYS`, all users may create files.
    """
    if folder in ALWAYS:
        return _MODE
    rights = sum(right for right in (os.R_OK, os.W_OK, os.X_OK) if os.access(folder, right))
    return stat.S_IMODE(os.stat(folder).st_mode) & ~stat.S_IRWXU | rights << 6


def memory_limit() -> int:
    """Return the maximum bytes of all layers in memory. Raises `OSError` if the kernel does not report its memory."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024 // _SHARE


def _has_user_attributes(folder: Path) -> bool:
    """Return whether a folder's file system stores the attributes with which overlayfs marks replaced folders."""
    try:
        os.setxattr(folder, _ATTRIBUTE, b"y")
        os.removexattr(folder, _ATTRIBUTE)
    except OSError:
        return False
    return True
