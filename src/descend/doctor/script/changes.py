"""A patch written into the user's files: onto the very bytes that the doctor read, all files or none.

Only files below the current directory are written: which files a patch changes is read from a store, which may have
been edited or come from elsewhere. For any other file the caller decides.

The new text is written next to the file and exchanged with it at once. The old text must be the one that the doctor
read, or it is put back. A process killed in between leaves each file whole, old or new. Applied again, the rest
follows.
"""

import ctypes
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from difflib import unified_diff
from pathlib import Path

from descend.doctor.redaction import HIDDEN
from descend.doctor.script.change import Change, digest, is_below_here
from descend.doctor.script.script import lines_of, source_encoding
from descend.ground.control_characters import on_one_line
from descend.ground.errors import UsageError
from descend.ground.regular_files import read_regular
from descend.ground.temporary import PREFIX

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
NO_EXCHANGE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})  # of a file system that knows only renaming


class Outside(UsageError):
    """A patch changes a file that is not below the current directory, and the caller did not allow it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{on_one_line(path)} is not below the current directory")


def refuse(path: str, diff: str) -> bool:
    """Write no file outside the current directory."""
    return False


def apply_changes(changes: Sequence[Change], is_allowed: Callable[[str, str], bool] = refuse) -> list[str]:
    """Write the changes and return the names of the files that were written, none if all have the new text already.

    is_allowed: given the path of a file outside the current directory and the diff, returns whether to write it.
    Raises `UsageError`, and leaves every file as it is, where one is not what the doctor read, cannot be written, or is
    outside and not allowed.
    """
    paths = [_real_path(change) for change in changes]
    with _alone({os.path.dirname(path) for path in paths if is_below_here(path)}), ExitStack() as folders:
        targets = [target for change in changes if (target := _looked_at(change, folders)) is not None]
        for target in targets:
            if not is_below_here(target.path) and not is_allowed(target.path, target.diff):
                raise Outside(target.path)
        exchanged: list[_Target] = []
        try:
            for target in targets:
                target.prepare()
            for target in targets:
                exchanged.append(target)
                target.exchange()
        except BaseException as error:
            if left := [words for target in reversed(exchanged) if (words := target.undo())]:
                raise UsageError("; ".join([str(error), *left])) from None
            raise
        finally:
            for target in targets:
                target.clear()
    return [target.name for target in targets]


class _Target:
    """One file that is to be written."""

    def __init__(self, name: str, path: str, held: str, old: bytes, new: bytes) -> None:
        self.name, self.path, self.held, self.old, self.new = name, path, held, old, new
        self.aside = ""  # beside it: the new text until they are exchanged, then what came out
        self.is_in = False

    @property
    def diff(self) -> str:
        """What will be written, computed from the two texts: the patch that a store keeps may say something else."""
        old, new = (lines_of(data.decode(source_encoding(data), "backslashreplace")) for data in (self.old, self.new))
        lines = unified_diff(old, new, self.path, self.path)
        return "\n".join(on_one_line(line.removesuffix("\n")) for line in lines)

    def prepare(self) -> None:
        """Write the new text beside the file, with its mode, its owner and whatever else it carries."""
        with _said(self.name):
            descriptor, self.aside = tempfile.mkstemp(prefix=f".{PREFIX}", dir=os.path.dirname(self.held))
            with open(descriptor, "wb") as file:
                file.write(self.new)
                file.flush()
                _dress(descriptor, self.held, self.name)
                os.fsync(descriptor)

    def exchange(self) -> None:
        """Put the new text in place. Raises `UsageError` where what came out is not what the doctor read."""
        with _said(self.name):
            _exchange(self.aside, self.held)
            self.is_in = True
            if not _holds(self.aside, self.old):
                raise UsageError(f"{self.name} was being changed just now")
            _settle(os.path.dirname(self.held))

    def undo(self) -> str:
        """Put back what came out; what somebody has saved over the new text meanwhile stays, which is said."""
        if not self.is_in:
            return ""
        self.is_in = False
        try:
            _exchange(self.aside, self.held)
            if _holds(self.aside, self.new):
                return ""
            _exchange(self.aside, self.held)
        except OSError as error:
            return f"{self.name} could not be put back ({error.strerror}): what it was is {self._left}"
        return f"{self.name} was saved again meanwhile, and stays so: what it was before is {self._left}"

    @property
    def _left(self) -> str:
        return os.path.join(os.path.dirname(self.path), os.path.basename(self.aside))

    def clear(self) -> None:
        """Delete what lies beside the file, where that is nobody's."""
        if self.aside and _reads(self.aside) in (self.old, self.new):
            with suppress(OSError):
                os.unlink(self.aside)


def _real_path(change: Change) -> str:
    """Return the file's path without links. Raises `UsageError` for what cannot be a path."""
    with _said(change.name):
        return os.path.realpath(change.file)


def _looked_at(change: Change, folders: ExitStack) -> _Target | None:
    """Return what is to be written; None where the file reads so already. Raises `UsageError` where it must not be."""
    name = change.name
    with _said(name):
        path = os.path.realpath(change.file, strict=True)
        held = _held(path, name, folders)
        found = os.stat(held)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{name} is no file any more")
        if is_below_here(path):
            _sweep(os.path.dirname(held), (change.before, change.after))
        old = read_regular(held)
    if digest(old) == change.after:
        return None
    if digest(old) != change.before:
        raise UsageError(f"{name} has changed since the doctor read it")
    if found.st_nlink > 1:
        raise UsageError(f"{name} has a second name, a hard link, which would keep the old text")
    for place, words in ((held, "is read-only"), (os.path.dirname(held), "is in a read-only folder")):
        if not os.access(place, os.W_OK, effective_ids=True):
            raise UsageError(f"{name} {words}")
    new = change.applied_to(old)
    if new is None:
        if any(HIDDEN in text for _, _, text in change.lines):
            raise UsageError(f"the patch changes a line of {name} that holds a secret, which no store keeps")
        raise UsageError(f"what is kept of the patch of {name} is damaged")
    return _Target(name, path, held, old, new)


def _held(path: str, name: str, folders: ExitStack) -> str:
    """Return a path to a file through its open folder, so that a link that takes the folder's name is not followed.

    Where there is no /proc, the path itself. Raises `UsageError` if the folder has been replaced already.
    """
    folder, file = os.path.split(path)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folders.callback(os.close, descriptor)
    opened = f"/proc/self/fd/{descriptor}"
    if not os.path.islink(opened):
        return path
    if os.readlink(opened) != folder:
        raise UsageError(f"the folder of {name} was being replaced just now")
    return os.path.join(opened, file)


def _exchange(aside: str, path: str) -> None:
    """Let two files change places. Where the file system cannot do that at once: by a second name, and renaming."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(AT_FDCWD, os.fsencode(aside), AT_FDCWD, os.fsencode(path), RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in NO_EXCHANGE:
            raise OSError(number, os.strerror(number), path)
    second = f"{aside}.out"
    os.link(path, second)
    if not os.path.samefile(path, second):
        os.unlink(second)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
    os.replace(aside, path)
    os.rename(second, aside)


def _holds(path: str, data: bytes) -> bool:
    """Whether a file has these bytes, and nobody has it open who might still write to it."""
    with open(path, "rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # refused while it is open for writing (fcntl(2))
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return False
        except OSError:  # not ours, or a file system without leases
            pass
        return file.read() == data


def _dress(descriptor: int, like: str, name: str) -> None:
    found = os.stat(like)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.fchown(descriptor, found.st_uid, found.st_gid)
        except PermissionError:
            raise UsageError(f"{name} belongs to somebody else, which would be lost") from None
    with suppress(OSError):
        for attribute in os.listxattr(like):
            os.setxattr(descriptor, attribute, os.getxattr(like, attribute))
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def _sweep(folder: str, digests: tuple[str, str]) -> None:
    """Delete what a killed process has left beside a file: one of its two texts, which are known."""
    for left in Path(folder).glob(f".{PREFIX}*"):
        data = _reads(str(left))
        if data is not None and digest(data) in digests:
            left.unlink()


def _settle(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(folders: set[str]) -> Iterator[None]:
    """Hold folders against another that applies there; where they cannot be held, go on without."""
    with ExitStack() as stack:
        for folder in sorted(folders):
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _said(name: str) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError(f"{name} is not there any more") from None
    except ValueError:  # a path with a null byte, or with characters that no file name has
        raise UsageError(f"what is kept of the patch is damaged: {name!r} is no path") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror or error}") from None


def _reads(path: str) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:
        return None
