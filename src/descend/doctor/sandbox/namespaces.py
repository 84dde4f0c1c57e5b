"""A world of a run's own: its own process numbers, mounts, devices, network, shared memory and temporary files.

Everything that can be read stays readable. The file system is read-only but for the scratch copy; `/dev/shm` and
`/tmp` are what they were with a layer of the run's own on top (overlayfs), which vanishes with it; processes outside
have no number that a signal could be sent to; and all that the run has started ends with it, by the kernel's doing.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from descend.doctor.sandbox import devices, kernel

PRIVATE = (str(devices.SHARED_MEMORY), "/tmp")
LAYER = "layer"  # the folder in the scratch copy's top where the run's own layer is kept, in memory
_ALL = kernel.NEW_USER | kernel.NEW_PIDS | kernel.NEW_MOUNTS | kernel.NEW_IPC | kernel.NEW_NETWORK | kernel.NEW_NAMES
TERMINALS = devices.FOLDER / "pts"
_MAKER = "ptmx"  # makes a new terminal where its own mount is
_DESCRIPTORS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}  # links into /proc/self/fd
_LAYER_MODE = 0o1777  # of a folder that everybody may write to, and delete only what is his own


def own_namespaces() -> None:
    """Move this process into new namespaces, as the user that it is. Its children have new process numbers.

    It must have one thread. Raises `OSError` where the kernel or its settings do not allow it.
    """
    if os.geteuid() != 0:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(_ALL)
        _write(os.getpid(), f"{user} {user} 1", f"{group} {group} 1", only_own_group=True)
    else:
        _as_root()
    kernel.switch_on_loopback()


def _as_root() -> None:
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
    kept = {path: kernel.copy_of_mount(path) for path in dict.fromkeys([top, *writable])}
    kernel.make_read_only()
    own = [str(folder) for folder in private()]
    seen_through = _copies([*_mounted_below(own), *_meeting_places(own)])
    kernel.mount("tmpfs", str(layer), "tmpfs")
    _own_devices()
    for number, folder in enumerate(own):
        try:
            _cover(folder, layer / str(number))
        except OSError:  # a layer is impossible on a folder that has other file systems mounted in it
            _rebuild(folder)
    for path, descriptor in seen_through.items():
        with suppress(OSError):
            kernel.put_back(descriptor, path)
    for path, descriptor in kept.items():
        kernel.put_back(descriptor, path)
    for descriptor in (*seen_through.values(), *kept.values()):
        os.close(descriptor)
    kernel.mount("proc", "/proc", "proc")
    kernel.make_read_only("/proc", with_all_below=False)  # settings of the machine that its administrator may change
    os.chdir(here)  # where it stood is below the new mounts, and read-only
    kernel.give_up_capabilities(kernel.KEPT_BY_ROOT if is_root else ())


def private() -> list[Path]:
    """Return the folders on which a run has a private layer."""
    return [Path(folder) for folder in PRIVATE if Path(folder).is_dir()]


def try_namespaces(top: str) -> NoReturn:
    """Try the namespaces in this process, with `top` as a scratch copy.

    It ends with status 0 where they can be made, and else says on standard error which call fails, and why.
    """
    try:
        own_namespaces()
        child = os.fork()
        if child == 0:
            own_files(Path(top), [])
            os._exit(0)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    except OSError as error:
        print(error.strerror, file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _copies(paths: Iterable[Path]) -> dict[Path, int]:
    """Return a descriptor of what is at each path, to be mounted later. Left out: what is gone, or closed to us."""
    found: dict[Path, int] = {}
    for path in dict.fromkeys(paths):
        with suppress(OSError):
            found[path] = kernel.copy_of_mount(path)
    return found


def _own_devices() -> None:
    """Mount a `/dev` that holds the devices a script may write to, new terminals, and the shared memory there is."""
    known = [path for path in devices.writable() if path.name != _MAKER]
    nodes = _copies([*known, *([devices.SHARED_MEMORY] if devices.SHARED_MEMORY.is_dir() else [])])
    folders = {path for path in nodes if path.is_dir()}
    kernel.mount("tmpfs", str(devices.FOLDER), "tmpfs", "mode=755")
    TERMINALS.mkdir()
    kernel.mount("devpts", str(TERMINALS), "devpts", "newinstance,ptmxmode=0666")
    for path, descriptor in nodes.items():
        _put(path, descriptor, is_folder=path in folders)
    os.symlink(TERMINALS / _MAKER, devices.FOLDER / _MAKER)
    for name, part in _DESCRIPTORS.items():
        os.symlink(f"/proc/self/fd{part}", devices.FOLDER / name)
    kernel.make_read_only(str(devices.FOLDER), with_all_below=False)


def _put(path: Path, descriptor: int, is_folder: bool) -> None:
    if is_folder:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.touch()
    kernel.put_back(descriptor, path)
    os.close(descriptor)


def _cover(folder: str, layer: Path) -> None:
    """Put a writable layer on top of a folder, in which deletions are its own, too."""
    upper, work = layer / "upper", layer / "work"
    for part in (layer, upper, work):
        part.mkdir()
    upper.chmod(_LAYER_MODE)
    kernel.mount("overlay", folder, "overlay", f"lowerdir={folder},upperdir={upper},workdir={work},userxattr")


def _rebuild(folder: str) -> None:
    """Put a new folder in the place of one, with the same entries: those cannot be changed, new ones can be added."""
    entries = _entries(folder)
    links = {entry.path: os.readlink(entry.path) for entry in entries if entry.is_symlink()}
    copies = _copies(Path(entry.path) for entry in entries if not entry.is_symlink())
    folders = {Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)}
    kernel.mount("tmpfs", folder, "tmpfs", f"mode={_LAYER_MODE:o}")
    for path, descriptor in copies.items():
        _put(path, descriptor, is_folder=path in folders)
    for name, target in links.items():
        os.symlink(target, name)


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
