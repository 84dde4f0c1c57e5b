"""Make Python's functions for files use the paths of a `Redirection`.

Neither functions that other code has stored before nor libraries in C are redirected. Their changes outside the scratch
copy are refused.
"""

import builtins
import functools
import io
import os
import posix
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any

from descend.doctor.sandbox.exact import to_builtin_type
from descend.doctor.sandbox.file_effects import WRITING, absolute_path, creates_file, opening_flags
from descend.doctor.sandbox.redirection import Redirection

Function = Callable[..., Any]


@dataclass(frozen=True)
class _PathArgument:
    """A path among the arguments of a function, and what the call does to the file at this path."""

    position: int
    name: str
    kind: str = ""  # `kind` of the effect: "write", "delete", "rename"; "" if the file is only read
    folder: str = "dir_fd"  # name of the argument with the descriptor of a relative path's folder
    follow: bool = True  # whether the call follows a link at the end of the path
    makes: bool = False  # whether the call creates the path, so that it fails if the path exists


_READ = (_PathArgument(0, "path"),)
_CHANGED = (_PathArgument(0, "path", "write"),)
_MADE = (_PathArgument(0, "path", "write", follow=False, makes=True),)
_DELETED = (_PathArgument(0, "path", "delete", follow=False),)
_RENAMED = (
    _PathArgument(0, "src", "rename", "src_dir_fd", follow=False),
    _PathArgument(1, "dst", "write", "dst_dir_fd", follow=False),
)
_FUNCTIONS: dict[str, tuple[_PathArgument, ...]] = {
    **dict.fromkeys(("stat", "access", "statvfs", "getxattr", "listxattr"), _READ),
    **dict.fromkeys(("lstat", "readlink"), (_PathArgument(0, "path", follow=False),)),
    **dict.fromkeys(("chmod", "chown", "utime", "truncate", "setxattr", "removexattr"), _CHANGED),
    **dict.fromkeys(("mkdir", "mkfifo", "mknod"), _MADE),
    **dict.fromkeys(("remove", "unlink", "rmdir"), _DELETED),
    **dict.fromkeys(("rename", "replace"), _RENAMED),
    "link": (
        _PathArgument(0, "src", "write", "src_dir_fd"),
        _PathArgument(1, "dst", "write", "dst_dir_fd", follow=False, makes=True),
    ),
    # The target of a link is only text. If the target is redirected, the link must lead to the redirected file.
    "symlink": (_PathArgument(0, "src"), _PathArgument(1, "dst", "write", follow=False, makes=True)),
}
# Sets of `os` that contain the functions which accept certain arguments; `shutil` reads them.
_SUPPORTS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


@contextmanager
def ignoring_own_calls(own: threading.local) -> Iterator[None]:
    """Do not redirect the calls of this thread within the `with` block, because the sandbox makes them."""
    was_busy = getattr(own, "busy", False)
    try:
        own.busy = True
        yield
    finally:
        own.busy = was_busy


def redirect_calls(redirection: Redirection, own: threading.local) -> Callable[[], None]:
    """Make the functions of `os`, `io` and `shutil` use redirected paths. Return the function that undoes this.

    `own.busy` is true while the sandbox itself calls such functions in this thread.
    """
    calls = _RedirectedCalls(redirection, own)
    undo: list[Callable[[], None]] = []
    for name, paths in _FUNCTIONS.items():
        if hasattr(os, name):
            replace_function((os, posix), name, calls.redirect(getattr(os, name), paths), undo)
    replace_function((os, posix), "scandir", calls.redirect_listing(os.scandir, _Entries), undo)
    replace_function((os, posix), "listdir", calls.redirect_listing(os.listdir, _names), undo)
    replace_function((os, posix), "chdir", calls.redirect_chdir(os.chdir), undo)
    replace_function((os, posix), "open", calls.redirect_open(os.open, "flags", _number), undo)
    replace_function((builtins, io), "open", calls.redirect_open(open, "mode", _flags_of_mode), undo)
    replace_function((shutil,), "rmtree", calls.redirect(shutil.rmtree, _DELETED), undo)

    def restore() -> None:
        """Restore all replaced functions."""
        while undo:
            undo.pop()()

    return restore


class _RedirectedCalls:
    """Wraps functions, so that they use redirected paths."""

    def __init__(self, redirection: Redirection, own: threading.local) -> None:
        self._redirection, self._own = redirection, own

    def redirect(self, original: Function, paths: Sequence[_PathArgument]) -> Function:
        """Return a wrapper of a function that redirects its path arguments."""

        @functools.wraps(original)
        def call(*arguments: Any, **named: Any) -> Any:
            """Call the original function with redirected paths."""
            if getattr(self._own, "busy", False):
                return original(*arguments, **named)
            given: dict[Any, Any] = {**dict(enumerate(arguments)), **named}
            for path in paths:
                key = path.position if path.position in given else path.name
                if key not in given:
                    continue  # the path has its default value, or the original function raises an error
                is_in_folder = named.get(path.folder) is not None
                follow = path.follow and named.get("follow_symlinks", True)
                given[key] = self._path_for(given[key], is_in_folder, path.kind, follow=follow, makes=path.makes)
            result = original(*[given[i] for i in range(len(arguments))], **{name: given[name] for name in named})
            if paths[0].kind in ("delete", "rename"):
                self._mark_deleted(given.get(0, given.get(paths[0].name)), named.get(paths[0].folder))
            return result

        return call

    def redirect_open(self, original: Function, name: str, flags_of: Callable[[Any], int]) -> Function:
        """Return a wrapper of `open` or `os.open`.

        name: name of the argument that follows the path; `flags_of` converts its value to flags.
        """

        @functools.wraps(original)
        def call(*arguments: Any, **named: Any) -> Any:
            """Open a file at its redirected path."""
            if getattr(self._own, "busy", False) or not arguments:
                return original(*arguments, **named)
            flags = flags_of(arguments[1] if len(arguments) > 1 else named.get(name))
            is_in_folder, makes = named.get("dir_fd") is not None, creates_file(flags)
            follow = not makes and not flags & os.O_NOFOLLOW
            kind = "write" if flags & WRITING else ""
            path = self._path_for(arguments[0], is_in_folder, kind, follow=follow, makes=makes)
            return original(path, *arguments[1:], **named)

        return call

    def redirect_listing(self, original: Function, convert: Callable[[list[os.DirEntry[str]]], Any]) -> Function:
        """Return a wrapper of `os.scandir` or `os.listdir`, which returns the entries as the run sees them."""

        @functools.wraps(original)
        def call(path: Any = ".") -> Any:
            """List a folder with the entries that the run has changed."""
            if getattr(self._own, "busy", False) or not isinstance(path, str | os.PathLike):
                return original(path)
            path = to_builtin_type(os.fspath(path))
            if not isinstance(path, str):
                return original(path)
            with ignoring_own_calls(self._own), suppress(OSError):  # the original function raises the error
                found = self._redirection.entries(path)
                if found is not None:
                    return convert(found)
            return original(self._path_for(path, False, "", follow=True, makes=False))

        return call

    def redirect_chdir(self, original: Function) -> Function:
        """Return a wrapper of `os.chdir` that enters the folder in the copy."""

        @functools.wraps(original)
        def call(path: Any) -> None:
            """Enter a folder, or its place in the copy."""
            if not getattr(self._own, "busy", False) and isinstance(path, str | os.PathLike):
                path = to_builtin_type(os.fspath(path))
                if isinstance(path, str):
                    with ignoring_own_calls(self._own), suppress(OSError):  # the original function raises the error
                        path = self._redirection.folder_to_enter(path)
            original(path)

        return call

    def _path_for(self, given: Any, is_in_folder: bool, kind: str, *, follow: bool, makes: bool) -> Any:
        """Return the path to use instead of a given one. Descriptors, and paths in the copy, are returned unchanged."""
        if not isinstance(given, str | bytes | os.PathLike):
            return given
        path = to_builtin_type(os.fspath(given))
        text = os.fsdecode(path)
        if not text.startswith("/") and is_in_folder or "\0" in text or not text:
            return path
        with ignoring_own_calls(self._own):
            try:
                whole = text if text.startswith("/") else absolute_path(text)
                found = self._redirection.path_for(whole, kind, follow=follow, makes=makes)
            except OSError:  # for example a folder that may not be searched; the original function raises the error
                return path
        if found == whole:
            return path
        return found if isinstance(path, str) else os.fsencode(found)

    def _mark_deleted(self, path: Any, folder: int | None) -> None:
        """Note that a call has deleted or renamed the file or folder at a path."""
        with ignoring_own_calls(self._own), suppress(OSError, TypeError):
            self._redirection.mark_deleted(absolute_path(os.fspath(path), folder))


class _Entries:
    """The entries of a folder, as an iterator like that of `os.scandir`."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> "_Entries":
        return self

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> "_Entries":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration."""
        self._entries = iter(())


def _number(flags: Any) -> int:
    """Return the flags of a call of `os.open`; 0 if they are not a number, so that the call will fail."""
    return flags if isinstance(flags, int) else 0


def _flags_of_mode(mode: Any) -> int:
    """Return the flags for a mode such as "w" of a call of `open`. The mode is None if the call has none."""
    if not isinstance(mode, str):
        return 0
    return opening_flags(mode.replace("x", "w"), 0) | (os.O_EXCL if "x" in mode else 0)


def _names(entries: list[os.DirEntry[str]]) -> list[str]:
    """Return the names of a folder's entries."""
    return [entry.name for entry in entries]


def replace_function(
    modules: Sequence[ModuleType], name: str, replacement: Function, undo: list[Callable[[], None]]
) -> None:
    """Replace a function in modules and in the sets of `os`; append the function that undoes this to `undo`."""
    original = getattr(modules[0], name)
    sets = [supports for supports in (getattr(os, each) for each in _SUPPORTS) if original in supports]
    for module in modules:
        setattr(module, name, replacement)
    for supports in sets:
        supports.add(replacement)

    def restore() -> None:
        """Restore the original function."""
        for module in modules:
            setattr(module, name, original)
        for supports in sets:
            supports.discard(replacement)

    undo.append(restore)
