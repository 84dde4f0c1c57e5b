"""A patch written into the user's files: onto the very bytes that the doctor read, all files or none.

The new text is written beside the file and exchanged with it at once; what comes out must be what the doctor read,
else it is put back. A process killed in between leaves each file whole, old or new; applied again, the rest follows.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from descend.doctor.redaction import HIDDEN
from descend.doctor.script.script import Script, lines_of, source_encoding
from descend.ground.errors import UsageError
from descend.ground.temporary import PREFIX

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
NO_EXCHANGE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})  # of a file system that knows only renaming


@dataclass(frozen=True)
class Change:
    """What a patch does to one file."""

    file: str
    before: str  # SHA-256 of what the doctor read,
    after: str  # and of what it is to become
    lines: tuple[tuple[int, int, str], ...]  # from this line up to that one, from 0: the new text


def changes_of(script: Script) -> tuple[Change, ...]:
    """Return what a script's edits do to its files."""
    return tuple(_change(script, file, text) for file, text in sorted(script.edits.items()))


def _change(script: Script, file: Path, text: str) -> Change:
    old, new = script.kept(file), script.encode(file, text)
    a, b = (lines_of(data.decode(source_encoding(old))) for data in (old, new))
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    lines = tuple((i, j, "".join(b[k:m])) for tag, i, j, k, m in found if tag != "equal")
    return Change(str(file), _digest(old), _digest(new), lines)


def apply_changes(changes: Sequence[Change]) -> list[str]:
    """Write them; return the files that were written, none where all of it stands there already.

    Raises `UsageError`, and leaves every file as it is, where one is not what the doctor read or cannot be written.
    """
    with _alone({os.path.dirname(os.path.realpath(change.file)) for change in changes}):
        targets = [target for change in changes if (target := _looked_at(change)) is not None]
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

    def __init__(self, name: str, path: str, old: bytes, new: bytes) -> None:
        self.name, self.path, self.old, self.new = name, path, old, new
        self.aside = ""  # beside it: the new text until they are exchanged, then what came out
        self.is_in = False

    def prepare(self) -> None:
        """Write the new text beside the file, with its mode, its owner and whatever else it carries."""
        with _said(self.name):
            descriptor, self.aside = tempfile.mkstemp(prefix=f".{PREFIX}", dir=os.path.dirname(self.path))
            with open(descriptor, "wb") as file:
                file.write(self.new)
                file.flush()
                _dress(descriptor, self.path, self.name)
                os.fsync(descriptor)

    def exchange(self) -> None:
        """Put the new text in place. Raises `UsageError` where what came out is not what the doctor read."""
        with _said(self.name):
            _exchange(self.aside, self.path)
            self.is_in = True
            if not _holds(self.aside, self.old):
                raise UsageError(f"{self.name} was being changed just now")
            _settle(os.path.dirname(self.path))

    def undo(self) -> str:
        """Put back what came out; what somebody has saved over the new text meanwhile stays, which is said."""
        if not self.is_in:
            return ""
        self.is_in = False
        try:
            _exchange(self.aside, self.path)
            if _holds(self.aside, self.new):
                return ""
            _exchange(self.aside, self.path)
        except OSError as error:
            return f"{self.name} could not be put back ({error.strerror}): what it was is {self.aside}"
        return f"{self.name} was saved again meanwhile, and stays so: what it was before is {self.aside}"

    def clear(self) -> None:
        """Delete what lies beside the file, where that is nobody's."""
        if self.aside and _reads(self.aside) in (self.old, self.new):
            with suppress(OSError):
                os.unlink(self.aside)


def _looked_at(change: Change) -> _Target | None:
    """Return what is to be written; None where the file reads so already. Raises `UsageError` where it must not be."""
    name = os.path.relpath(change.file)
    with _said(name):
        path = os.path.realpath(change.file, strict=True)
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{name} is no file any more")
        _sweep(os.path.dirname(path), (change.before, change.after))
        old = Path(path).read_bytes()
    if _digest(old) == change.after:
        return None
    if _digest(old) != change.before:
        raise UsageError(f"{name} has changed since the doctor read it")
    if found.st_nlink > 1:
        raise UsageError(f"{name} has a second name, a hard link, which would keep the old text")
    for place, words in ((path, "is read-only"), (os.path.dirname(path), "lies in a read-only folder")):
        if not os.access(place, os.W_OK, effective_ids=True):
            raise UsageError(f"{name} {words}")
    new = _changed(old, change)
    if _digest(new) != change.after:
        if any(HIDDEN in text for _, _, text in change.lines):
            raise UsageError(f"the patch changes a line of {name} that holds a secret, which no store keeps")
        raise UsageError(f"what is kept of the patch of {name} is damaged")
    return _Target(name, path, old, new)


def _changed(old: bytes, change: Change) -> bytes:
    encoding = source_encoding(old)
    lines = lines_of(old.decode(encoding))
    for start, end, text in reversed(change.lines):
        lines[start:end] = [text]
    return "".join(lines).encode(encoding)


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
        if data is not None and _digest(data) in digests:
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
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror or error}") from None


def _reads(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
