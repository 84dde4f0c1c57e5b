"""Replace links in the scratch copy by real copies just before the script writes through them.

A path is followed component by component, as in the kernel. A link in the scratch copy that leads out of it is
replaced: a linked folder by a real folder of links to its entries, a linked file by its copy. So every path inside
the scratch copy stays inside it.
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

from descend.doctor.sandbox.paths import link_target, reversed_components

MAX_LINKS = 40  # maximum links in one path (MAXSYMLINKS of the Linux kernel); more links form a cycle
MAX_ENTRIES = 20_000  # maximum entries of a linked folder that is replaced; the script waits meanwhile
_CLONE = 0x40049409  # ioctl FICLONE: makes a copy that shares disk blocks with the original (btrfs, XFS)


class CopyError(Exception):
    """Raised if a linked file could not be copied, usually because the disk is full."""


class CopyOnWrite:
    """Replaces each link in the writable folders by a copy of its target, before the script writes to the link."""

    def __init__(self, folders: Sequence[str | os.PathLike[str]]) -> None:
        self.folders = tuple(os.path.realpath(folder) for folder in folders)
        self._own = threading.local()  # `replaces` is true while this thread replaces a link

    def is_writable_or_below(self, path: str) -> bool:
        """Return whether a path without links is one of the writable folders or is inside one of them."""
        return path in self.folders or self.is_below_writable(path)

    def is_below_writable(self, path: str) -> bool:
        """Return whether a path without links is inside a writable folder. The folder itself does not count."""
        return any(path.startswith(folder + "/") for folder in self.folders)

    def resolve_for_writing(self, path: str, *, follow: bool, contents: bool = True) -> str:
        """Replace each link in an absolute path that leads out of the writable folders by a copy; return the real path.

        With `follow`, a link at the end is followed too, as in `open` but not in `unlink`. Without `contents` a linked
        file is replaced by an empty one, because it is about to be truncated. Raises `CopyError`, or `OSError` if the
        path cannot be resolved, although the kernel may be able to resolve it.
        """
        real, waiting, links = "/", reversed_components(path), 0
        while waiting:
            name = waiting.pop()
            if name == "..":
                real = os.path.dirname(real)
                continue
            here = os.path.join(real, name)
            target = link_target(here)
            if target is None or (not waiting and (not follow or is_descriptor_path(here))):
                real = here
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if real.startswith("/proc/") and target.startswith("/"):
                require_same_folder(here, target)
            if self.is_writable_or_below(here) and not self._leads_inside(real, target):
                if self._replace_link(here, contents or bool(waiting)):
                    real = here
                    continue
            waiting += reversed_components(target)
            if target.startswith("/"):
                real = "/"
        return real

    def _leads_inside(self, folder: str, target: str) -> bool:
        """Return whether the target of a link in `folder` is in a writable folder."""
        return self.is_writable_or_below(os.path.normpath(os.path.join(folder, target)))

    def _replace_link(self, link: str, contents: bool) -> bool:
        """Replace a link by a copy of its target. Return False for a special file or a folder with too many entries."""
        with self._replacing(link), _lock_folder(os.path.dirname(link)):
            if not os.path.islink(link):  # another worker has already replaced the link
                return True
            try:
                found = os.stat(link)
            except OSError:
                os.unlink(link)  # the link is broken, so the new file is created in its place
                return True
            aside = f"{link}.descend-{os.getpid()}-{threading.get_ident()}"
            if stat.S_ISDIR(found.st_mode):
                return _replace_by_folder(link, aside, found)
            if not stat.S_ISREG(found.st_mode):
                return False
            # If the file is not writable, the script's write will fail, so the copy must keep the old contents.
            _replace_by_copy(link, aside, found, contents or not os.access(link, os.W_OK))
            return True

    @contextmanager
    def _replacing(self, link: str) -> Iterator[None]:
        """Raise `CopyError` if this thread already replaces a link, because it would wait for its own lock.

        A signal handler of the script can interrupt the replacement and write to a second link.
        """
        if getattr(self._own, "replaces", False):
            raise CopyError(f"{link} cannot be copied while another file is copied in the same thread")
        try:
            self._own.replaces = True
            yield
        finally:
            self._own.replaces = False


@contextmanager
def _lock_folder(folder: str) -> Iterator[None]:
    """Lock a folder within the `with` block, so that no other thread or process replaces links in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def require_same_folder(opened: str | int, path: str) -> str:
    """Return `path` if it is still the folder that was opened. Raises `OSError` if the opened folder was deleted."""
    if not os.path.samestat(os.stat(opened), os.stat(path)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return path


def is_descriptor_path(path: str) -> bool:
    """Return whether a path has the form /proc/…/fd/N, which the kernel resolves to an open file, not as a link."""
    folder, number = os.path.split(path)
    return number.isdigit() and folder.startswith("/proc/") and folder.endswith("/fd")


def _replace_by_copy(link: str, aside: str, found: os.stat_result, contents: bool) -> None:
    """Replace a link to a file by a copy of the file. The copy is first written to the path `aside`."""
    try:
        with open(aside, "xb") as copy:
            if contents:
                _copy_contents(copy, link, found.st_size)
        _copy_metadata(aside, found, 0)
        os.replace(aside, link)
    except OSError as error:
        raise CopyError(f"{link} cannot be copied: {error.strerror}") from None
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def _copy_contents(copy: BinaryIO, source: str, size: int) -> None:
    """Copy the contents of a file. Raises `OSError` unless at least twice its size is free on the disk."""
    space = os.fstatvfs(copy.fileno())
    if space.f_bavail * space.f_frsize < 2 * size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with open(source, "rb") as original:
        try:
            fcntl.ioctl(copy.fileno(), _CLONE, original.fileno())
        except OSError:
            shutil.copyfileobj(original, copy, 1 << 20)


def _replace_by_folder(link: str, aside: str, found: os.stat_result) -> bool:
    """Replace a link to a folder by a new folder of links to its entries; return False if that is impossible."""
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
        _copy_metadata(aside, found, stat.S_IRWXU)
        os.unlink(link)
        os.rename(aside, link)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _copy_metadata(path: str, found: os.stat_result, also: int) -> None:
    """Give a copy the mode and the times of its original, and add the mode bits `also`."""
    os.chmod(path, stat.S_IMODE(found.st_mode) | also)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
