"""Links in the scratch copy become real copies at the moment something is about to be written through them.

A path is followed name by name, as the kernel would. A link that lies in the scratch copy and leads out of it
is replaced on the way: a folder by a real folder of links to its entries, a file by its copy. So whatever is
reached by a path inside the scratch copy stays inside it.
"""

import errno
import fcntl
import os
import shutil
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

MAX_LINKS = 40  # MAXSYMLINKS of the Linux kernel: more in one path are a cycle
MAX_ENTRIES = 20_000  # a folder with more is not rebuilt, link by link, while the script waits
_CLONE = 0x40049409  # FICLONE: a copy that shares its blocks, where the file system knows how (btrfs, XFS)


class CopyError(Exception):
    """A linked file could not be copied: no room, most of the time."""


class CopyOnWrite:
    """The folders that may be written, and the links in them."""

    def __init__(self, folders: Sequence[str | os.PathLike[str]]) -> None:
        self.folders = tuple(os.path.realpath(folder) for folder in folders)

    def holds(self, path: str) -> bool:
        """Whether a path without links lies in one of the folders."""
        return path in self.folders or self.contains(path)

    def contains(self, path: str) -> bool:
        """Whether a path without links is in one of the folders, and not a folder itself."""
        return any(path.startswith(folder + "/") for folder in self.folders)

    def settle(self, path: str, *, follow: bool, contents: bool = True) -> str:
        """Return where an absolute path really leads, once the links on the way have been made real.

        With `follow`, its last name is followed too, as `open` does and `unlink` does not. Without `contents`
        a file is replaced by an empty one: it is about to be truncated. Raises `CopyError`, and `OSError` if it
        cannot be resolved, although the kernel may be able to resolve it.
        """
        real, waiting, links = "/", _names(path), 0
        while waiting:
            name = waiting.pop()
            if name == "..":
                real = os.path.dirname(real)
                continue
            here = os.path.join(real, name)
            target = _link_target(here)
            if target is None or (not waiting and (not follow or is_descriptor(here))):
                real = here
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if real.startswith("/proc/") and target.startswith("/"):
                same_folder(here, target)
            if self.holds(here) and not self._leads_inside(real, target):
                if self._make_real(here, contents or bool(waiting)):
                    real = here
                    continue
            waiting += _names(target)
            if target.startswith("/"):
                real = "/"
        return real

    def _leads_inside(self, folder: str, target: str) -> bool:
        return self.holds(os.path.normpath(os.path.join(folder, target)))

    def _make_real(self, link: str, contents: bool) -> bool:
        """Replace a link by what it leads to. False when that is neither a file nor a folder of a sane size."""
        with _locked(os.path.dirname(link)):
            if not os.path.islink(link):  # another worker was quicker
                return True
            try:
                found = os.stat(link)
            except OSError:
                os.unlink(link)  # it led nowhere: what is about to be made is made here
                return True
            aside = f"{link}.descend-{os.getpid()}-{threading.get_ident()}"
            if stat.S_ISDIR(found.st_mode):
                return _rebuild(link, aside, found)
            if not stat.S_ISREG(found.st_mode):
                return False
            # an unwritable file is about to be refused by the kernel: its contents must outlive that
            _replace(link, aside, found, contents or not os.access(link, os.W_OK))
            return True


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold a folder against other threads and processes that make its links real."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _names(path: str) -> list[str]:
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _link_target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):  # no link, or nothing there
            return None
        raise


def same_folder(opened: str | int, path: str) -> str:
    """Return the path of what is open; the kernel gives that of a deleted folder, too. Raises `OSError` for one."""
    if not os.path.samestat(os.stat(opened), os.stat(path)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return path


def is_descriptor(path: str) -> bool:
    """Whether this is /proc/…/fd/N: as the last name of a path it is what is open already."""
    folder, number = os.path.split(path)
    return number.isdigit() and folder.startswith("/proc/") and folder.endswith("/fd")


def _replace(link: str, aside: str, found: os.stat_result, contents: bool) -> None:
    try:
        with open(aside, "xb") as copy:
            if contents:
                _fill(copy, link, found.st_size)
        _dress(aside, found, 0)
        os.replace(aside, link)
    except OSError as error:
        raise CopyError(f"{link} cannot be copied: {error.strerror}") from None
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def _fill(copy: BinaryIO, source: str, size: int) -> None:
    space = os.fstatvfs(copy.fileno())
    if space.f_bavail * space.f_frsize < 2 * size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with open(source, "rb") as original:
        try:
            fcntl.ioctl(copy.fileno(), _CLONE, original.fileno())
        except OSError:
            shutil.copyfileobj(original, copy, 1 << 20)


def _rebuild(link: str, aside: str, found: os.stat_result) -> bool:
    source = os.path.realpath(link)
    try:
        names = os.listdir(source)
    except OSError:
        return False
    if len(names) > MAX_ENTRIES:
        return False
    os.mkdir(aside)
    try:
        for name in names:
            os.symlink(os.path.join(source, name), os.path.join(aside, name))
        _dress(aside, found, stat.S_IRWXU)
        os.unlink(link)
        os.rename(aside, link)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _dress(path: str, found: os.stat_result, also: int) -> None:
    os.chmod(path, stat.S_IMODE(found.st_mode) | also)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
