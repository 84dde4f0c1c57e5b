"""Isolate a run in Linux namespaces: its own process numbers, mounts, devices, network and shared memory.

Everything stays readable. Changes of users' files, of `/tmp` and of `/dev/shm` go to a private layer (`overlays`),
which is deleted after the run. All other folders are read-only, except for the scratch copy. Outside processes have no
number, so no signal can reach them. The kernel ends all processes of the run together with it.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from descend.doctor.sandbox import devices, kernel
from descend.doctor.sandbox.layers import ALWAYS, layered_folders, mount_points
from descend.doctor.sandbox.overlays import Overlays, layer_mode, memory_limit

_ALL = kernel.NEW_USER | kernel.NEW_PIDS | kernel.NEW_MOUNTS | kernel.NEW_IPC | kernel.NEW_NETWORK | kernel.NEW_NAMES
TERMINALS = devices.FOLDER / "pts"
_MAKER = "ptmx"  # device that creates new terminals
_DESCRIPTORS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}  # links into /proc/self/fd


def enter_new_namespaces() -> None:
    """Move this process into new namespaces, with the same user. Its children get new process numbers.

    The process must have one thread. Raises `OSError` if the kernel or its settings do not allow it.
    """
    if os.geteuid() != 0:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(_ALL)
        _write_id_maps(os.getpid(), f"{user} {user} 1", f"{group} {group} 1", only_own_group=True)
    else:
        _enter_as_root()
    kernel.switch_on_loopback()


def _enter_as_root() -> None:
    """Move a process of root into new namespaces in which all users keep their numbers."""
    # Root reads files of other users, so all users keep their numbers. Only a process outside the new namespace may
    # write a map that does this.
    ready, moved = os.pipe()
    arranging = os.fork()
    if arranging == 0:
        os.close(moved)
        os.read(ready, 1)
        try:
            users, groups = (_identity_map(Path("/proc/self", name).read_text()) for name in ("uid_map", "gid_map"))
            _write_id_maps(os.getppid(), users, groups)
        finally:
            os._exit(0)
    os.close(ready)
    try:
        kernel.unshare(_ALL)
    finally:
        os.close(moved)
        os.waitpid(arranging, 0)
    if os.geteuid() != 0:
        raise PermissionError(1, "the process could not keep its user in the new namespaces")


def make_files_read_only(top: Path, writable: Sequence[Path]) -> list[Path]:
    """Make all files read-only for this process and its children, except `top`, `writable` and private layers.

    `top` is the scratch copy's folder. Return the folders that have a private layer. To be called by the first process
    of the new namespace, which cannot mount anything afterwards. Raises `OSError` if the kernel does not support this.
    """
    is_root, here = os.geteuid() == 0, os.getcwd()
    kernel.keep_mounts_private()
    folders = {folder: layer_mode(folder) for folder in layered_folders()}
    kept = {path: kernel.copy_mounts(path) for path in dict.fromkeys([top, *writable])}
    overlays, below_layers = Overlays(top), kernel.copy_mounts(top)
    always = [folder for folder in folders if folder in ALWAYS]
    seen_through = _copy_all_mounts([*_outermost_mounts(always), *_sockets_and_pipes(always)])
    kernel.make_read_only()
    kernel.attach_mounts(below_layers, top)  # the layers are in this folder, which must be writable
    overlays.prepare()
    _mount_devices()
    private: list[Path] = []
    for folder, mode in folders.items():
        try:
            overlays.mount(folder, mode)
        except OSError:  # overlayfs fails if other file systems are mounted in the folder
            if folder not in ALWAYS:
                continue  # the folder stays read-only
            _mount_folder(folder, mode)
        private.append(Path(folder))
    for path, descriptor in seen_through.items():
        with suppress(OSError):
            kernel.attach_mounts(descriptor, path)
    for path, descriptor in kept.items():
        kernel.attach_mounts(descriptor, path)
    for descriptor in (*seen_through.values(), *kept.values(), below_layers):
        os.close(descriptor)
    overlays.hide()
    kernel.mount("proc", "/proc", "proc")
    kernel.make_read_only("/proc", with_all_below=False)  # otherwise root could change the machine's settings
    os.chdir(here)  # enter the working directory again, which the new mounts have hidden
    kernel.give_up_capabilities(kernel.KEPT_BY_ROOT if is_root else ())
    return private


def try_namespaces(top: str) -> NoReturn:
    """Test whether this process can create namespaces, with `top` as the scratch copy; then end the process.

    The status is 0 if namespaces can be created. Otherwise, the failing call and its error are printed.
    """
    try:
        enter_new_namespaces()
        child = os.fork()
        if child == 0:
            make_files_read_only(Path(top), [])
            os._exit(0)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    except OSError as error:
        print(error.strerror, file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _copy_all_mounts(paths: Iterable[Path]) -> dict[Path, int]:
    """Copy the mounts at the paths that can be opened; return a dict from each path to the copy's descriptor."""
    found: dict[Path, int] = {}
    for path in dict.fromkeys(paths):
        with suppress(OSError):
            found[path] = kernel.copy_mounts(path)
    return found


def _mount_devices() -> None:
    """Mount a new `/dev`, with only writable devices, new terminals and shared memory."""
    known = [path for path in devices.writable_devices() if path.name != _MAKER]
    nodes = _copy_all_mounts([*known, *([devices.SHARED_MEMORY] if devices.SHARED_MEMORY.is_dir() else [])])
    folders = {path for path in nodes if path.is_dir()}
    kernel.mount("tmpfs", str(devices.FOLDER), "tmpfs", "mode=755")
    TERMINALS.mkdir()
    kernel.mount("devpts", str(TERMINALS), "devpts", "newinstance,ptmxmode=0666")
    for path, descriptor in nodes.items():
        _mount_copy(path, descriptor, is_folder=path in folders)
    os.symlink(TERMINALS / _MAKER, devices.FOLDER / _MAKER)
    for name, part in _DESCRIPTORS.items():
        os.symlink(f"/proc/self/fd{part}", devices.FOLDER / name)
    kernel.make_read_only(str(devices.FOLDER), with_all_below=False)


def _mount_copy(path: Path, descriptor: int, is_folder: bool) -> None:
    """Create an empty file or folder at a path, and mount a copied mount there."""
    if is_folder:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.touch()
    kernel.attach_mounts(descriptor, path)
    os.close(descriptor)


def _mount_folder(folder: str, mode: int) -> None:
    """Mount a new folder over an old one. It has the old entries, read-only, and accepts new entries."""
    entries = _list_entries(folder)
    links = {entry.path: os.readlink(entry.path) for entry in entries if entry.is_symlink()}
    copies = _copy_all_mounts(Path(entry.path) for entry in entries if not entry.is_symlink())
    folders = {Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)}
    kernel.mount("tmpfs", folder, "tmpfs", f"size={memory_limit()},mode={mode:o}")
    for path, descriptor in copies.items():
        _mount_copy(path, descriptor, is_folder=path in folders)
    for name, target in links.items():
        os.symlink(target, name)


def _outermost_mounts(folders: Sequence[str]) -> list[Path]:
    """Return the outermost mount points inside the folders. A layer on top of the folders would hide these mounts."""
    below = [point for point in mount_points() if point.startswith(tuple(f"{folder}/" for folder in folders))]
    outermost = [point for point in below if not any(point.startswith(f"{other}/") for other in below)]
    return [Path(point) for point in outermost]


def _sockets_and_pipes(folders: Sequence[str]) -> Iterator[Path]:
    """Yield the sockets and named pipes in the folders, and the subfolders that contain sockets or pipes.

    A layer on top of the folders would have entries with the same names, but no connection to other programs.
    """
    for folder in folders:
        for entry in _list_entries(folder):
            inside = _list_entries(entry.path) if entry.is_dir(follow_symlinks=False) else [entry]
            if any(_is_socket_or_pipe(each) for each in inside):
                yield Path(entry.path)


def _list_entries(folder: str) -> "list[os.DirEntry[str]]":
    """Return the entries of a folder; an empty list if the folder cannot be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _is_socket_or_pipe(entry: "os.DirEntry[str]") -> bool:
    """Return whether the entry of a folder is a socket or a named pipe."""
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return False
    return stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)


def _identity_map(numbers: str) -> str:
    """Return a map for user or group numbers in which each number of this namespace keeps its value."""
    return "\n".join(f"{line.split()[0]} {line.split()[0]} {line.split()[2]}" for line in numbers.splitlines())


def _write_id_maps(process: int, users: str, groups: str, only_own_group: bool = False) -> None:
    """Write the uid map and the gid map of a process in a new user namespace."""
    folder = Path("/proc", str(process))
    if only_own_group:
        (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(users)
    (folder / "gid_map").write_text(groups)
