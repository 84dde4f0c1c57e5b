"""Judge the audit events that change files: find the real path, and report it if it is outside the writable folders."""

import fcntl
import functools
import operator
import os
import socket
import stat
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

from descend.doctor.sandbox import devices, unaudited
from descend.doctor.sandbox.copy_on_write import CopyOnWrite, is_descriptor_path, require_same_folder
from descend.doctor.sandbox.exact import to_builtin_type
from descend.doctor.sandbox.outside_effects import OutsideEffect
from descend.doctor.sandbox.path_arguments import CHANGED_PATHS

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC | os.O_CREAT
_READ_BY_OTHERS = ("/dev/", "/proc/")  # folders in which reading a file may take away another program's input
_MODES = {"w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND, "+": os.O_RDWR}
_TEMPORARY = getattr(os, "O_TMPFILE", 0)
_SEMAPHORE = "sem."  # prefix of the names of semaphores' files in shared memory
_PASSES_DATA = 1 << 30  # bit of an ioctl's number if it passes data to the kernel (_IOC_WRITE of Linux)
_DATABASE_COMPANIONS = ("-journal", "-wal", "-shm")  # endings of the files that SQLite opens together with a database

Arguments = tuple[Any, ...]


def must_be_checked(path: Any, mode: Any, flags: int) -> bool:
    """Return whether a call of `open` must be checked, because it may write a file or read another program's input."""
    if opening_flags(mode, flags) & WRITING:
        return True
    return isinstance(path, str | bytes) and os.fsdecode(path).startswith(_READ_BY_OTHERS)


def opening_flags(mode: Any, flags: int) -> int:
    """Return the flags of a call of `open`. If Python's C code passes a mode such as "w", convert it to flags."""
    if flags or not isinstance(mode, str):
        return flags
    return functools.reduce(operator.or_, (_MODES.get(letter, 0) for letter in mode), 0)


def creates_file(flags: int) -> bool:
    """Return whether opening with these flags fails if the path exists. Linux ignores O_EXCL without O_CREAT."""
    return flags & (os.O_CREAT | os.O_EXCL) == os.O_CREAT | os.O_EXCL


class SharedFolders:
    """Folders that all programs share, such as `/dev/shm`. A run may change only the entries that it has added.

    Entries that exist when this object is made belong to other programs.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._others = {folder: _names_in(folder) for folder in folders}

    def is_added_by_run(self, path: str) -> bool | None:
        """Return whether the run itself has added the path to a shared folder; None for a path elsewhere."""
        for folder, others in self._others.items():
            if path.startswith(f"{folder}/"):
                return path[len(folder) + 1 :].partition("/")[0] not in others
        return None


def _names_in(folder: str) -> frozenset[str]:
    """Return the names of a folder's entries; an empty set if the folder cannot be read."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


class FileEffects:
    """Checks audit events that change files. Each check returns an effect outside the writable folders, or None.

    If a path cannot be resolved, the check raises the error that the script's call would raise.
    """

    def __init__(self, copies: CopyOnWrite, own: threading.local, shared: SharedFolders) -> None:
        self._copies, self._shared = copies, shared
        # `own.folder` is the `dir_fd` of the `os.open` that is running in this thread; `own.probe` is the path, as the
        # same object, that the sandbox itself opens without a change of the file.
        self._own = own
        self.judges: dict[str, Callable[[str, Arguments], OutsideEffect | None]] = {
            "open": self._judge_open,
            "os.chdir": self._judge_chdir,
            "os.mkfifo": self._judge_node,
            "os.mknod": self._judge_node,
            "os.rename": self._judge_rename,
            "shutil.rmtree": self._judge_tree_deletion,
            "socket.bind": self._judge_bind,
            "sqlite3.connect": self.judge_database,
            unaudited.OPENS_SHARED_MEMORY: self._judge_shared_memory,
            unaudited.DELETES_SHARED_MEMORY: self._judge_shared_deletion,
            unaudited.DELETES_SEMAPHORE: self._judge_shared_deletion,
            unaudited.DELETED_AT_EXIT: self._judge_deletion_at_exit,
            **dict.fromkeys(CHANGED_PATHS, self._judge_path_arguments),
        }

    def judge_native_write(self, path: str, contents: bool) -> OutsideEffect | None:
        """Return the effect to report if native code writes a file outside the writable folders, otherwise None."""
        return self._judge_change("write", absolute_path(path), follow=True, contents=contents)

    def _judge_open(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call of `open` may write a file outside the writable folders, or None."""
        path, mode, flags = arguments[0], arguments[1], opening_flags(*arguments[1:])
        if isinstance(path, int) or (path is getattr(self._own, "probe", None) and path is not None):
            return None
        where = absolute_path(path, getattr(self._own, "folder", None) if mode is None else None)
        if not flags & WRITING:
            return OutsideEffect("write", where) if devices.is_foreign_terminal(where) else None
        if _TEMPORARY and flags & _TEMPORARY == _TEMPORARY:
            return self._judge_change("write", where, follow=True)
        if creates_file(flags):
            return self._judge_change("write", where, makes=True)
        if not flags & (WRITING & ~os.O_CREAT) and os.path.exists(where):
            return None
        follow = not flags & os.O_NOFOLLOW
        return self._judge_change("write", where, follow, contents=not flags & os.O_TRUNC)

    def _judge_path_arguments(self, event: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call such as `os.mkdir` acts outside the writable folders, or None."""
        for touched in CHANGED_PATHS[event]:
            path = arguments[touched.position]
            if isinstance(path, int) and event == "os.truncate":
                return None  # the descriptor was already checked when it was opened
            where = absolute_path(path, None if touched.folder_position is None else arguments[touched.folder_position])
            if not touched.makes and not os.path.lexists(where):
                return None
            outside = self._judge_change(touched.kind, where, touched.follow, touched.makes)
            if outside is not None:
                return outside
        return None

    def _judge_node(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call creates a device, or creates a pipe outside the writable folders."""
        path, mode, folder = arguments[0], arguments[1], arguments[-1]
        where = absolute_path(path, folder)
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            return OutsideEffect("write", where)
        return self._judge_change("write", where, makes=True)

    def _judge_rename(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call renames a file or folder outside the writable folders, or None."""
        source, target = (absolute_path(arguments[i], arguments[i + 2]) for i in (0, 1))
        if not os.path.lexists(source):
            return None
        ends = [self._copies.resolve_for_writing(path, follow=False) for path in (source, target)]
        outside = tuple(end for end in ends if not self._may_change(end))
        if not outside:
            return None
        return OutsideEffect("rename", f"{ends[0]} to {ends[1]}", paths=outside)

    def _judge_tree_deletion(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call deletes a folder outside the writable folders, otherwise None."""
        real = self._copies.resolve_for_writing(absolute_path(*arguments[:2]), follow=True)
        if self._may_change(real) or not os.path.isdir(real):
            return None
        # The deletion of each file is refused later, so that `shutil.rmtree` can ignore these errors if requested.
        return OutsideEffect("delete", real, refused_later=True, paths=(real,))

    def _judge_chdir(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Replace a linked folder by a real one before the script enters it, so that the script stays in the copy."""
        if not isinstance(arguments[0], int):
            self._copies.resolve_for_writing(absolute_path(arguments[0]), follow=True)
        return None

    def _judge_bind(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call creates a Unix socket outside the writable folders, otherwise None."""
        sock, address = arguments
        if sock.family != socket.AF_UNIX or not address or address[0] in ("\0", 0):
            return None
        return self._judge_change("write", absolute_path(address), makes=True)

    def _judge_shared_memory(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call opens another program's shared memory for writing, otherwise None."""
        return self._judge_change("write", _shared_memory_path(arguments[0])) if arguments[1] & WRITING else None

    def _judge_shared_deletion(self, event: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if a call deletes another program's shared memory or semaphore, or None."""
        prefix = _SEMAPHORE if event == unaudited.DELETES_SEMAPHORE else ""
        return self._judge_change("delete", _shared_memory_path(arguments[0], prefix))

    def _judge_deletion_at_exit(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if Python would delete another program's shared memory at exit, or None."""
        event = unaudited.DELETES_SEMAPHORE if arguments[1] == "semaphore" else unaudited.DELETES_SHARED_MEMORY
        return self._judge_shared_deletion(event, arguments)

    def judge_ioctl(self, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if an ioctl may change a file outside the writable folders, otherwise None."""
        descriptor, command = arguments[:2]
        if not command & _PASSES_DATA:
            return None
        mode = os.stat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return None
        return self._judge_change("write", absolute_path(descriptor), follow=True)

    def judge_database(self, _: str, arguments: Arguments) -> OutsideEffect | None:
        """Return the effect to report if SQLite opens a database outside the writable folders, otherwise None."""
        name = to_builtin_type(os.fsdecode(arguments[0]))
        if not name.startswith("file:"):
            return self._judge_database_file(name)
        path = urllib.parse.unquote(name[len("file:") :].partition("?")[0].partition("#")[0])
        if os.path.lexists(absolute_path(name)) and (outside := self._judge_database_file(name)):
            return outside
        return self._judge_database_file(path)

    def _judge_database_file(self, name: str) -> OutsideEffect | None:
        """Copy a linked database and its companion files. Return the effect to report if it is refused, or None."""
        if name in ("", ":memory:"):
            return None
        path = absolute_path(name)
        outside = self._judge_change("write", path, follow=True)
        if outside is not None and os.path.exists(path) and not self._kernel_lets_write(path):
            return None
        for side in _DATABASE_COMPANIONS:
            if os.path.lexists(path + side):
                self._copies.resolve_for_writing(path + side, follow=True)
        return outside

    def _kernel_lets_write(self, path: str) -> bool:
        """Return whether the kernel lets a file be opened for writing, which SQLite tries even if it only reads."""
        self._own.probe = probe = os.fsdecode(os.fsencode(path))  # a new object, which the script does not have
        try:
            os.close(os.open(probe, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return False
        finally:
            self._own.probe = None
        return True

    def _judge_change(
        self, kind: str, path: str, follow: bool = False, makes: bool = False, contents: bool = True
    ) -> OutsideEffect | None:
        """Copy a linked file; return the effect to report if the script may not change it, otherwise None."""
        real = self._copies.resolve_for_writing(path, follow=follow, contents=contents)
        if self._may_change(real) or (makes and os.path.lexists(real)):
            return None
        return OutsideEffect(kind, real, paths=(real,))

    def _may_change(self, real: str) -> bool:
        """Return whether the script may change the file or folder at a path without links."""
        own = f"/proc/{os.getpid()}/"
        if real.startswith(own) and is_descriptor_path(real):
            return self._may_reopen_for_writing(int(os.path.basename(real)))
        if (is_free := devices.may_write_device(real)) is not None:
            return is_free
        return self._copies.is_below_writable(real) or real.startswith(own) or bool(self._shared.is_added_by_run(real))

    def _may_reopen_for_writing(self, descriptor: int) -> bool:
        """Return whether the script may open a file for writing by the name /proc/…/fd/N of its descriptor."""
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
            return True  # the file was already checked when it was opened
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        return not os.path.exists(target) or self._may_change(os.path.realpath(target))


def _shared_memory_path(name: str, prefix: str = "") -> str:
    """Return the path of the shared memory or semaphore with this name."""
    return str(devices.SHARED_MEMORY / f"{prefix}{os.fsdecode(name).lstrip('/')}")


def absolute_path(path: Any, folder: int | None = None) -> str:
    """Return the absolute path of a relative path or of an open descriptor. Links are not resolved."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    text = to_builtin_type(os.fsdecode(path))
    if text.startswith("/"):
        return text
    if folder is None or folder < 0:
        return f"{os.getcwd()}/{text}"
    return f"{require_same_folder(folder, os.readlink(f'/proc/self/fd/{folder}'))}/{text}"
