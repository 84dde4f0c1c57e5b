"""A world of a run's own: its own process numbers, mounts, shared memory and temporary files.

Everything that can be read stays readable. The file system is read-only but for the scratch copy; `/dev/shm` and
`/tmp` are what they were with a layer of the run's own on top (overlayfs), which vanishes with it; processes outside
have no number that a signal could be sent to; and all that the run has started ends with it, by the kernel's doing.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from descend.doctor.sandbox import kernel

PRIVATE = ("/dev/shm", "/tmp")
LAYER = "layer"  # the folder in the scratch copy's top where the run's own layer is kept, in memory
_ALL = kernel.NEW_USER | kernel.NEW_PIDS | kernel.NEW_MOUNTS | kernel.NEW_IPC
_LAYER_MODE = 0o1777  # of a folder that everybody may write to, and delete only what is his own


def own_namespaces() -> None:
    """Move this process into new namespaces, as the user that it is. Its children have new process numbers.

    It must have one thread. Raises `OSError` where the kernel or its settings do not allow it.
    """
    if os.geteuid() != 0:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(_ALL)
        _write(os.getpid(), f"{user} {user} 1", f"{group} {group} 1", only_own_group=True)
        return
    # root reads what belongs to others: all of them keep their numbers, which only a process outside can arrange
    ready, moved = os.pipe()
    arranging = os.fork()
    if arranging == 0:
        os.close(moved)
        os.read(ready, 1)
        try:
            users, groups = (_same(Path("/proc/self", name).read_text()) for name in ("uid_map", "gid_map"))
            _write(os.getppid(), users, groups)
        finally:
            os._exit(0)
    os.close(ready)
    try:
        kernel.unshare(_ALL)
    finally:
        os.close(moved)
        os.waitpid(arranging, 0)
    if os.geteuid() != 0:
        raise PermissionError(1, "the user could not be kept")


def own_files(top: Path, writable: Sequence[Path]) -> None:
    """Make all files read-only for this process and its children, but `writable` folders and what is private.

    `top` is one of them. To be called by the first process with a number of the new namespace; it may mount nothing
    any more afterwards. Raises `OSError` where the kernel cannot do it.
    """
    is_root, here = os.geteuid() == 0, os.getcwd()
    kernel.keep_mounts_private()
    layer = top / LAYER
    layer.mkdir(exist_ok=True)
    kept = [(path, kernel.copy_of_mount(path)) for path in dict.fromkeys([top, *writable])]
    kernel.make_read_only()
    seen_through: list[tuple[Path, int]] = []
    for path in dict.fromkeys([*_mounted_below(PRIVATE), *_meeting_places(PRIVATE)]):
        with suppress(OSError):  # it is gone, or closed to this user
            seen_through.append((path, kernel.copy_of_mount(path)))
    kernel.mount("tmpfs", str(layer), "tmpfs")
    for number, folder in enumerate(PRIVATE):
        if Path(folder).is_dir():
            _cover(folder, layer / str(number))
    for path, descriptor in seen_through:
        with suppress(OSError):
            kernel.put_back(descriptor, path)
    for path, descriptor in kept:
        kernel.put_back(descriptor, path)
    for _, descriptor in [*seen_through, *kept]:
        os.close(descriptor)
    kernel.mount("proc", "/proc", "proc")
    os.chdir(here)  # where it stood is below the new mounts, and read-only
    kernel.give_up_capabilities(all_of_them=not is_root)


def _cover(folder: str, layer: Path) -> None:
    upper, work = layer / "upper", layer / "work"
    for part in (layer, upper, work):
        part.mkdir()
    upper.chmod(_LAYER_MODE)
    kernel.mount("overlay", folder, "overlay", f"lowerdir={folder},upperdir={upper},workdir={work},userxattr")


def _mounted_below(folders: Sequence[str]) -> list[Path]:
    """Return what is mounted in the folders, the outermost only: a layer on top of them would hide it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = sorted({_unescaped(line.split()[4]) for line in lines})
    below = [point for point in points if point.startswith(tuple(f"{folder}/" for folder in folders))]
    outermost = [point for point in below if not any(point.startswith(f"{other}/") for other in below)]
    return [Path(point) for point in outermost]


def _meeting_places(folders: Sequence[str]) -> Iterator[Path]:
    """Yield the entries where other programs wait for this one: sockets and pipes, and folders that hold some.

    A layer on top of one would give one of the same name that nobody else is at.
    """
    for folder in folders:
        for entry in _entries(folder):
            inside = _entries(entry.path) if entry.is_dir(follow_symlinks=False) else [entry]
            if any(_is_meeting_place(each) for each in inside):
                yield Path(entry.path)


def _entries(folder: str) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _is_meeting_place(entry: "os.DirEntry[str]") -> bool:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return False
    return stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)


def _unescaped(name: str) -> str:
    """Return a mount point as it is; mountinfo writes blanks and the like as octal numbers."""
    return name.encode().decode("unicode_escape").encode("latin-1").decode(errors="surrogateescape")


def _same(numbers: str) -> str:
    """Return a map of user or group numbers that gives those that are known here to themselves."""
    return "\n".join(f"{line.split()[0]} {line.split()[0]} {line.split()[2]}" for line in numbers.splitlines())


def _write(process: int, users: str, groups: str, only_own_group: bool = False) -> None:
    folder = Path("/proc", str(process))
    if only_own_group:
        (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(users)
    (folder / "gid_map").write_text(groups)
