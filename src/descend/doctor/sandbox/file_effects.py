"""Which events of the interpreter change files, and where those files really are."""

import fcntl
import functools
import operator
import os
import socket
import stat
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from descend.doctor.sandbox import devices
from descend.doctor.sandbox.copy_on_write import CopyOnWrite, is_descriptor, same_folder
from descend.doctor.sandbox.exact import exact
from descend.doctor.sandbox.unaudited import (
    DELETED_AT_THE_END,
    DELETES_SEMAPHORE,
    DELETES_SHARED_MEMORY,
    OPENS_SHARED_MEMORY,
)

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC | os.O_CREAT
_READ_BY_OTHERS = ("/dev/", "/proc/")  # what is read there may be meant for another program: a terminal's input
_MODES = {"w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND, "+": os.O_RDWR}
_TEMPORARY = getattr(os, "O_TMPFILE", 0)
_SEMAPHORE = "sem."  # begins the name of a semaphore's file in shared memory
_HANDS_DATA_IN = 1 << 30  # _IOC_WRITE of the Linux kernel, in an ioctl's number
_DATABASE_SIDES = ("-journal", "-wal", "-shm")  # files that SQLite opens beside its own

Arguments = tuple[Any, ...]


def may_matter(path: Any, mode: Any, flags: int) -> bool:
    """Whether a file that is opened must be judged: it is written, or maybe another program's input is read."""
    if opening_flags(mode, flags) & WRITING:
        return True
    return isinstance(path, str | bytes) and os.fsdecode(path).startswith(_READ_BY_OTHERS)


def opening_flags(mode: Any, flags: int) -> int:
    """Return how a file is opened: C code of Python's own gives a mode and no flags."""
    if flags or not isinstance(mode, str):
        return flags
    return functools.reduce(operator.or_, (_MODES.get(letter, 0) for letter in mode), 0)


@dataclass(frozen=True)
class Outside:
    """Something that is about to happen outside the folders that may be changed."""

    kind: str  # of an `Effect`
    target: str
    refused_later: bool = False  # by what follows: the deletion of each file, or the kernel
    by: str = ""  # of an `Effect`


class SharedFolders:
    """Folders for everybody, such as `/dev/shm`: what is in them already is not the run's, what it adds is.

    They hold what was there when this object was made.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._others = {folder: _listed(folder) for folder in folders}

    def is_own(self, path: str) -> bool | None:
        """Whether a path in one of the folders has been added since; None for one elsewhere."""
        for folder, others in self._others.items():
            if path.startswith(f"{folder}/"):
                return path[len(folder) + 1 :].partition("/")[0] not in others
        return None


def _listed(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


@dataclass(frozen=True)
class _Touched:
    """Which of an event's arguments is a path, and what becomes of it."""

    kind: str
    position: int
    folder: int | None = None  # position of the descriptor that a relative path starts from
    follow: bool = False  # a link is followed to what it leads to
    makes: bool = False  # fails by itself where the path exists already; the others where it does not


_TOUCHED: dict[str, tuple[_Touched, ...]] = {
    "os.chmod": (_Touched("write", 0, 2, follow=True),),
    "os.chown": (_Touched("write", 0, 3, follow=True),),
    "os.link": (_Touched("write", 0, 2, follow=True), _Touched("write", 1, 3, makes=True)),
    "os.mkdir": (_Touched("write", 0, 2, makes=True),),
    "os.remove": (_Touched("delete", 0, 1),),
    "os.removexattr": (_Touched("write", 0, follow=True),),
    "os.rmdir": (_Touched("delete", 0, 1),),
    "os.setxattr": (_Touched("write", 0, follow=True),),
    "os.symlink": (_Touched("write", 1, 2, makes=True),),
    "os.truncate": (_Touched("write", 0, follow=True),),
    "os.utime": (_Touched("write", 0, 3, follow=True),),
}


class FileEffects:
    """Judges the events that change files; each judge returns what lies outside, or None.

    A path that cannot be resolved raises the error that the call must fail with.
    """

    def __init__(self, copies: CopyOnWrite, own: threading.local, shared: SharedFolders) -> None:
        self._copies, self._shared = copies, shared
        self._own = own  # `folder`: the descriptor that this thread's `os.open` starts from
        self.judges: dict[str, Callable[[str, Arguments], Outside | None]] = {
            "open": self._opened,
            "os.chdir": self._entered,
            "os.mkfifo": self._node_made,
            "os.mknod": self._node_made,
            "os.rename": self._renamed,
            "shutil.rmtree": self._cleared,
            "socket.bind": self._bound,
            "sqlite3.connect": self.database,
            OPENS_SHARED_MEMORY: self._shared_opened,
            DELETES_SHARED_MEMORY: self._shared_deleted,
            DELETES_SEMAPHORE: self._shared_deleted,
            DELETED_AT_THE_END: self._deleted_at_the_end,
            **dict.fromkeys(_TOUCHED, self._touched),
        }

    def written(self, path: str, contents: bool) -> Outside | None:
        """Judge a native writer that is about to open `path`."""
        return self._changed("write", absolute(path), follow=True, contents=contents)

    def _opened(self, _: str, arguments: Arguments) -> Outside | None:
        path, mode, flags = arguments[0], arguments[1], opening_flags(*arguments[1:])
        if isinstance(path, int):
            return None
        where = absolute(path, getattr(self._own, "folder", None) if mode is None else None)
        if not flags & WRITING:
            return Outside("write", where) if devices.is_foreign_terminal(where) else None
        if _TEMPORARY and flags & _TEMPORARY == _TEMPORARY:
            return self._changed("write", where, follow=True)
        if flags & os.O_EXCL:
            return self._changed("write", where, makes=True)
        if not flags & (WRITING & ~os.O_CREAT) and os.path.exists(where):
            return None
        follow = not flags & os.O_NOFOLLOW
        return self._changed("write", where, follow, contents=not flags & os.O_TRUNC)

    def _touched(self, event: str, arguments: Arguments) -> Outside | None:
        for touched in _TOUCHED[event]:
            path = arguments[touched.position]
            if isinstance(path, int) and event == "os.truncate":
                return None  # opening the descriptor for writing has been judged
            where = absolute(path, None if touched.folder is None else arguments[touched.folder])
            if not touched.makes and not os.path.lexists(where):
                return None
            outside = self._changed(touched.kind, where, touched.follow, touched.makes)
            if outside is not None:
                return outside
        return None

    def _node_made(self, _: str, arguments: Arguments) -> Outside | None:
        """Judge a named pipe or a device; the latter wherever it is to be: it leads to a part of the machine."""
        path, mode, folder = arguments[0], arguments[1], arguments[-1]
        where = absolute(path, folder)
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            return Outside("write", where)
        return self._changed("write", where, makes=True)

    def _renamed(self, _: str, arguments: Arguments) -> Outside | None:
        source, target = (absolute(arguments[i], arguments[i + 2]) for i in (0, 1))
        if not os.path.lexists(source):
            return None
        ends = [self._copies.settle(path, follow=False) for path in (source, target)]
        if all(self._is_free(end) for end in ends):
            return None
        return Outside("rename", f"{ends[0]} to {ends[1]}")

    def _cleared(self, _: str, arguments: Arguments) -> Outside | None:
        real = self._copies.settle(absolute(*arguments[:2]), follow=True)
        if self._is_free(real) or not os.path.isdir(real):
            return None
        return Outside("delete", real, refused_later=True)  # `ignore_errors` is to do what it promises

    def _entered(self, _: str, arguments: Arguments) -> Outside | None:
        """Enter a folder of the copy itself, not the one that it is linked to."""
        if not isinstance(arguments[0], int):
            self._copies.settle(absolute(arguments[0]), follow=True)
        return None

    def _bound(self, _: str, arguments: Arguments) -> Outside | None:
        sock, address = arguments
        if sock.family != socket.AF_UNIX or not address or address[0] in ("\0", 0):
            return None
        return self._changed("write", absolute(address), makes=True)

    def _shared_opened(self, _: str, arguments: Arguments) -> Outside | None:
        return self._changed("write", _in_shared_memory(arguments[0])) if arguments[1] & WRITING else None

    def _shared_deleted(self, event: str, arguments: Arguments) -> Outside | None:
        prefix = _SEMAPHORE if event == DELETES_SEMAPHORE else ""
        return self._changed("delete", _in_shared_memory(arguments[0], prefix))

    def _deleted_at_the_end(self, _: str, arguments: Arguments) -> Outside | None:
        """Judge what is given to the process that deletes shared memory after the script's end."""
        event = DELETES_SEMAPHORE if arguments[1] == "semaphore" else DELETES_SHARED_MEMORY
        return self._shared_deleted(event, arguments)

    def controlled(self, arguments: Arguments) -> Outside | None:
        """Judge an ioctl that may change the file that a descriptor is open on: its flags, without writing."""
        descriptor, command = arguments[:2]
        if not command & _HANDS_DATA_IN:
            return None
        mode = os.stat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return None
        return self._changed("write", absolute(descriptor), follow=True)

    def database(self, _: str, arguments: Arguments) -> Outside | None:
        """Judge a file that SQLite is about to open, whose name is a path or, where the script says so, a URI."""
        name = exact(os.fsdecode(arguments[0]))
        if not name.startswith("file:"):
            return self._database_opened(name)
        path = urllib.parse.unquote(name[len("file:") :].partition("?")[0].partition("#")[0])
        if os.path.lexists(absolute(name)) and (outside := self._database_opened(name)):
            return outside
        return self._database_opened(path)

    def _database_opened(self, name: str) -> Outside | None:
        if name in ("", ":memory:"):
            return None
        path = absolute(name)
        outside = self._changed("write", path, follow=True)
        if outside is not None and os.path.exists(path) and not _kernel_lets_write(path):
            return None
        for side in _DATABASE_SIDES:
            if os.path.lexists(path + side):
                self._copies.settle(path + side, follow=True)
        return outside

    def _changed(
        self, kind: str, path: str, follow: bool = False, makes: bool = False, contents: bool = True
    ) -> Outside | None:
        real = self._copies.settle(path, follow=follow, contents=contents)
        if self._is_free(real) or (makes and os.path.lexists(real)):
            return None
        return Outside(kind, real)

    def _is_free(self, real: str) -> bool:
        own = f"/proc/{os.getpid()}/"
        if real.startswith(own) and is_descriptor(real):
            return self._is_open_for_writing(int(os.path.basename(real)))
        if (is_free := devices.may_write(real)) is not None:
            return is_free
        return self._copies.contains(real) or real.startswith(own) or bool(self._shared.is_own(real))

    def _is_open_for_writing(self, descriptor: int) -> bool:
        """Whether what a descriptor is open on may be opened again for writing, by its name in /proc."""
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
            return True  # opening it has been judged
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        return not os.path.exists(target) or self._is_free(os.path.realpath(target))


def _in_shared_memory(name: str, prefix: str = "") -> str:
    return str(devices.SHARED_MEMORY / f"{prefix}{os.fsdecode(name).lstrip('/')}")


def absolute(path: Any, folder: int | None = None) -> str:
    """Return a path, or what a descriptor is open on, as an absolute path with its links left in."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    text = exact(os.fsdecode(path))
    if text.startswith("/"):
        return text
    if folder is None or folder < 0:
        return f"{os.getcwd()}/{text}"
    return f"{same_folder(folder, os.readlink(f'/proc/self/fd/{folder}'))}/{text}"


def _kernel_lets_write(path: str) -> bool:
    """Whether a file could be opened for writing, as SQLite does even to read: where it may not, it reads."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True
