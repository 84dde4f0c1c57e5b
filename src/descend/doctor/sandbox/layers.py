"""Choose the folders in which the changes of a run stay in a private layer, which vanishes with the run."""

import functools
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from descend.doctor.sandbox import devices

ALWAYS = (str(devices.SHARED_MEMORY), "/tmp")  # folders that get a layer even if other file systems are mounted inside
_FURTHER = "var/tmp"
# Top-level folders with programs, settings and the kernel's files, in which a training writes nothing. They have no
# layer, so they are read-only and their sockets stay reachable.
_SYSTEM = frozenset("bin boot dev etc lib lib32 lib64 libx32 nix proc run sbin snap sys tmp usr var".split())
# System folders in which some distributions have the users' homes: /home is a link to /var/home or to /usr/home.
_WITH_HOMES = ("var", "usr")
_SPECIAL = frozenset(",:\\")  # characters with a meaning in the options of overlayfs


def layered_folders() -> list[str]:
    """Return the folders that get a private layer: shared memory, temporary files, and all folders of users' files."""
    mounts = _read_mounts()
    always = [folder for folder in ALWAYS if os.path.isdir(folder)]
    tops = users_folders("/", os.path.expanduser("~"))
    users = (folder for top in tops for folder in without_mounts_inside(top, mounts))
    return [*always, *(folder for folder in users if _SPECIAL.isdisjoint(folder) and not _is_read_only(folder))]


def users_folders(root: str, home: str) -> list[str]:
    """Return the folders with users' files in the file system at `root`; no folder is inside another one.

    home: this user's home folder, which may also be in a system folder such as /var/lib.
    """
    with os.scandir(root) as entries:
        named = sorted(entry.path for entry in entries if entry.name not in _SYSTEM)
    linked = [os.path.realpath(path) for path in [*(path for path in named if os.path.islink(path)), home]]
    inside = [os.path.join(root, folder, "") for folder in _WITH_HOMES]
    found = [path for path in named if not os.path.islink(path)] + [os.path.join(root, _FURTHER)]
    for path in sorted(linked):
        is_inside_other = any(f"{path}/".startswith(f"{other}/") for other in found)
        if path.startswith(tuple(inside)) and not is_inside_other:
            found.append(path)
    return [path for path in found if os.path.isdir(path)]


def can_be_copied_up(path: str) -> bool:
    """Return whether overlayfs can copy an existing file or folder into its layer.

    It also copies the parent folders in the layer. A user who is not root has a number only for the own user and group
    in a new namespace. For a file or folder of another owner or group, the write fails with the error EOVERFLOW.
    """
    users, groups = (_number_of_unmapped_owners(kind) for kind in ("uid", "gid"))
    found = os.lstat(path)
    while path != "/" and (users is not None or groups is not None):
        path = os.path.dirname(path)
        folder = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) and found.st_dev != folder.st_dev:
            return True  # this is the top folder of the layer, which is never copied
        if found.st_uid == users or found.st_gid == groups:
            return False
        found = folder
    return True


@functools.cache
def _number_of_unmapped_owners(kind: str) -> int | None:
    """Return the number that the kernel shows for all owners without a number in this namespace, or None.

    `kind` is "uid" or "gid".
    """
    shown = int(Path(f"/proc/sys/kernel/overflow{kind}").read_text())
    ranges = [[int(word) for word in line.split()] for line in Path(f"/proc/self/{kind}_map").read_text().splitlines()]
    return None if any(first <= shown < first + count for first, _, count in ranges) else shown


def mount_points() -> list[str]:
    """Return the paths at which file systems are mounted, sorted."""
    return sorted(_read_mounts())


def _read_mounts() -> dict[str, str]:
    """Return the type of the file system at each mount point; of several at one mount point, the uppermost counts."""
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        about, _, source = line.partition(" - ")
        mounts[_decode_mount_point(about.split()[4])] = source.split()[0]
    return mounts


def without_mounts_inside(folder: str, mounts: Mapping[str, str]) -> Iterator[str]:
    """Yield a folder, or the subfolders that together contain all its mounts if it contains any.

    overlayfs cannot have a folder as its lower layer if other file systems are mounted inside the folder. A layer would
    hide the file systems that autofs mounts when a program opens their folders. So folders of autofs are left out.
    """
    if not any(point.startswith(f"{folder}/") for point in mounts):
        if os.path.isdir(folder) and not _is_automounted(folder, mounts):
            yield folder
        return
    try:
        with os.scandir(folder) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for path in below:
        yield from without_mounts_inside(path, mounts)


def _is_automounted(folder: str, mounts: Mapping[str, str]) -> bool:
    """Return whether autofs has made a folder and no other file system is mounted there yet."""
    while folder not in mounts and folder != "/":
        folder = os.path.dirname(folder)
    return mounts.get(folder) == "autofs"


def _is_read_only(folder: str) -> bool:
    """Return whether a folder is on a read-only file system, so that no program can write there."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _decode_mount_point(name: str) -> str:
    """Decode a path from /proc/self/mountinfo, in which blanks and other special characters are octal numbers."""
    return name.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")
