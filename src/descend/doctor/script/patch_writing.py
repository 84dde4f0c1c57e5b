"""Write a patch into the user's files: either all files change or no file does.

Only files below the current directory are written without asking. The patch comes from a store, which may have been
edited or copied from another machine. For any other file the caller decides.

The new text is written to a temporary file in the same folder, which then swaps names with the user's file. If the
user's file has changed since the doctor read it, the swap is undone. If the process is killed, each file still has
either its old or its new text, and applying the patch again completes it.
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

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError
from descend.core.regular_files import read_regular_file
from descend.core.temporary import PREFIX
from descend.doctor.redaction import HIDDEN
from descend.doctor.script.file_change import FileChange, is_below_working_directory, sha256_of
from descend.doctor.script.script import source_encoding, split_lines

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # constants from linux/fcntl.h and linux/fs.h
# error numbers of file systems that cannot exchange two names atomically
NO_EXCHANGE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


class OutsideWorkingDirectory(UsageError):
    """Raised if a patch changes a file that is not below the current directory, and the caller does not allow it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{on_one_line(path)} is outside the current directory")


def refuse_outside(path: str, diff: str) -> bool:
    """Return False: by default, a patch is not allowed to change files outside the current directory."""
    return False


def apply_changes(changes: Sequence[FileChange], is_allowed: Callable[[str, str], bool] = refuse_outside) -> list[str]:
    """Write the changes; return the names of the written files (empty if all files already have the new text).

    is_allowed: gets the path of a file outside the current directory and the diff; returns whether to write the file.
    Raises `UsageError` and leaves every file unchanged if a file is not as the doctor read it, cannot be written, or is
    outside the current directory and not allowed.
    """
    paths = [_real_path(change) for change in changes]
    with (
        _lock_folders({os.path.dirname(path) for path in paths if is_below_working_directory(path)}),
        ExitStack() as folders,
    ):
        targets = [target for change in changes if (target := _find_target(change, folders)) is not None]
        for target in targets:
            if not is_below_working_directory(target.path) and not is_allowed(target.path, target.diff):
                raise OutsideWorkingDirectory(target.path)
        exchanged: list[_Target] = []
        try:
            for target in targets:
                target.prepare()
            for target in targets:
                exchanged.append(target)
                target.exchange()
        except BaseException as error:
            if failures := [message for target in reversed(exchanged) if (message := target.undo_exchange())]:
                raise UsageError("; ".join([str(error), *failures])) from None
            raise
        finally:
            for target in targets:
                target.delete_temporary()
    return [target.name for target in targets]


class _Target:
    """A file to be written. `safe_path` leads to it through its open folder, which no program can replace by a link."""

    def __init__(self, name: str, path: str, safe_path: str, old: bytes, new: bytes) -> None:
        self.name, self.path, self.safe_path, self.old, self.new = name, path, safe_path, old, new
        self.temporary = ""  # path of the temporary file, which holds the new text, or the old text after the exchange
        self.is_exchanged = False

    @property
    def diff(self) -> str:
        """The diff of the old and the new text, computed again because the stored diff may show something else."""
        old, new = (
            split_lines(data.decode(source_encoding(data), "backslashreplace")) for data in (self.old, self.new)
        )
        lines = unified_diff(old, new, self.path, self.path)
        return "\n".join(on_one_line(line.removesuffix("\n")) for line in lines)

    def prepare(self) -> None:
        """Write the new text to a temporary file in the same folder, with the old file's mode, owner and attributes."""
        with _convert_errors(self.name):
            descriptor, self.temporary = tempfile.mkstemp(prefix=f".{PREFIX}", dir=os.path.dirname(self.safe_path))
            with open(descriptor, "wb") as file:
                file.write(self.new)
                file.flush()
                _copy_metadata(descriptor, self.safe_path, self.name)
                os.fsync(descriptor)

    def exchange(self) -> None:
        """Swap the temporary file and the user's file. Raises `UsageError` if the user's file has changed meanwhile."""
        with _convert_errors(self.name):
            _exchange_files(self.temporary, self.safe_path)
            self.is_exchanged = True
            if not _has_content(self.temporary, self.old):
                raise UsageError(f"another program changed {self.name} at the same time")
            _sync_folder(os.path.dirname(self.safe_path))

    def undo_exchange(self) -> str:
        """Swap the old text back. Return an error message if this fails or another program saved the file, else ""."""
        if not self.is_exchanged:
            return ""
        self.is_exchanged = False
        backup = os.path.join(os.path.dirname(self.path), os.path.basename(self.temporary))
        try:
            _exchange_files(self.temporary, self.safe_path)
            if _has_content(self.temporary, self.new):
                return ""
            _exchange_files(self.temporary, self.safe_path)
        except OSError as error:
            return f"{self.name} could not be restored ({error.strerror}); the previous text is in {backup}"
        return f"another program saved {self.name} in the meantime, so it was kept; the previous text is in {backup}"

    def delete_temporary(self) -> None:
        """Delete the temporary file, unless it holds a text that another program has written."""
        if self.temporary and _read_bytes(self.temporary) in (self.old, self.new):
            with suppress(OSError):
                os.unlink(self.temporary)


def _real_path(change: FileChange) -> str:
    """Return the path of the changed file with links resolved. Raises `UsageError` if the stored path is invalid."""
    with _convert_errors(change.name):
        return os.path.realpath(change.file)


def _find_target(change: FileChange, folders: ExitStack) -> _Target | None:
    """Return the file to write; None if it already has the new text. Raises `UsageError` if it must not be written."""
    name = change.name
    if not change.before and not os.path.lexists(change.file):
        raise UsageError(f"the patch creates {name}, and descend writes only files that exist (use patch -p0)")
    with _convert_errors(name):
        path = os.path.realpath(change.file, strict=True)
        safe_path = _path_in_open_folder(path, name, folders)
        found = os.stat(safe_path)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{name} is no longer a file")
        if is_below_working_directory(path):
            _delete_leftovers(os.path.dirname(safe_path), (change.before, change.after))
        old = read_regular_file(safe_path)
    if sha256_of(old) == change.after:
        return None
    if sha256_of(old) != change.before:
        raise UsageError(f"{name} has changed since the doctor read it")
    if found.st_nlink > 1:
        raise UsageError(f"{name} has a second name (a hard link), which would keep the old text")
    for place, reason in ((safe_path, "is read-only"), (os.path.dirname(safe_path), "is in a read-only folder")):
        if not os.access(place, os.W_OK, effective_ids=True):
            raise UsageError(f"{name} {reason}")
    new = change.apply_to(old)
    if new is None:
        if any(HIDDEN in text for _, _, text in change.lines):
            raise UsageError(f"the patch changes a line of {name} that holds a secret, and secrets are not stored")
        raise UsageError(f"the stored patch of {name} is damaged")
    return _Target(name, path, safe_path, old, new)


def _path_in_open_folder(path: str, name: str, folders: ExitStack) -> str:
    """Return a path to the file through its open folder, so that the folder cannot be swapped for a link.

    Without /proc, return the path itself. Raises `UsageError` if the folder has been replaced already.
    """
    folder, file = os.path.split(path)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folders.callback(os.close, descriptor)
    opened = f"/proc/self/fd/{descriptor}"
    if not os.path.islink(opened):
        return path
    if os.readlink(opened) != folder:
        raise UsageError(f"the folder that contains {name} was replaced while the patch was being applied")
    return os.path.join(opened, file)


def _exchange_files(temporary: str, path: str) -> None:
    """Swap the names of two files: atomically if the file system supports this, otherwise with a hard link."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(AT_FDCWD, os.fsencode(temporary), AT_FDCWD, os.fsencode(path), RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in NO_EXCHANGE:
            raise OSError(number, os.strerror(number), path)
    second = f"{temporary}.out"
    os.link(path, second)
    if not os.path.samefile(path, second):
        os.unlink(second)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
    os.replace(temporary, path)
    os.rename(second, temporary)


def _has_content(path: str, data: bytes) -> bool:
    """Return whether a file has these bytes and no process has it open for writing."""
    with open(path, "rb") as file:
        try:
            # The lease fails while another process has the file open for writing (fcntl(2)).
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return False
        except OSError:  # The file belongs to another user, or the file system has no leases.
            pass
        return file.read() == data


def _copy_metadata(descriptor: int, like: str, name: str) -> None:
    """Give an open file the owner, extended attributes and mode of the file `like`."""
    found = os.stat(like)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.fchown(descriptor, found.st_uid, found.st_gid)
        except PermissionError:
            raise UsageError(f"{name} belongs to another user, and its owner could not be kept") from None
    with suppress(OSError):
        for attribute in os.listxattr(like):
            os.setxattr(descriptor, attribute, os.getxattr(like, attribute))
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def _delete_leftovers(folder: str, digests: tuple[str, str]) -> None:
    """Delete temporary files of a killed process. Their SHA-256 is that of the old or the new text."""
    for path in Path(folder).glob(f".{PREFIX}*"):
        data = _read_bytes(str(path))
        if data is not None and sha256_of(data) in digests:
            path.unlink()


def _sync_folder(folder: str) -> None:
    """Write a folder's list of files to disk (fsync)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock_folders(folders: set[str]) -> Iterator[None]:
    """Lock folders against other processes that apply a patch. If a folder cannot be locked, continue without."""
    with ExitStack() as stack:
        for folder in sorted(folders):
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _convert_errors(name: str) -> Iterator[None]:
    """Convert each file system error in the `with` block to a `UsageError` of one line that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise UsageError(f"{name} no longer exists") from None
    except ValueError:  # The stored path has a null byte or an invalid character.
        raise UsageError(f"the stored patch is damaged: {name!r} is not a path") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror or error}") from None


def _read_bytes(path: str) -> bytes | None:
    """Return a file's bytes, or None if the file cannot be read."""
    try:
        return read_regular_file(path)
    except OSError:
        return None
