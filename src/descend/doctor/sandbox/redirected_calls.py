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
from types import TracebackType
from typing import Any

from descend.doctor.sandbox.exact import to_builtin_type
from descend.doctor.sandbox.file_effects import WRITING, absolute_path, creates_file, opening_flags
from descend.doctor.sandbox.path_arguments import DELETED, PATH_ARGUMENTS, PathArgument
from descend.doctor.sandbox.redirection import Redirection
from descend.doctor.sandbox.replaced_functions import Function, Undo, replace_function, restorer


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
    undo: Undo = []
    for name, paths in PATH_ARGUMENTS.items():
        if hasattr(os, name):
            replace_function((os, posix), name, calls.redirect(getattr(os, name), paths), undo)
    replace_function((os, posix), "scandir", calls.redirect_listing(os.scandir, _Entries), undo)
    replace_function((os, posix), "listdir", calls.redirect_listing(os.listdir, _names), undo)
    replace_function((os, posix), "chdir", calls.redirect_chdir(os.chdir), undo)
    replace_function((os, posix), "open", calls.redirect_open(os.open, "flags", _number), undo)
    replace_function((builtins, io), "open", calls.redirect_open(open, "mode", _flags_of_mode), undo)
    replace_function((shutil,), "rmtree", calls.redirect(shutil.rmtree, DELETED), undo)
    return restorer(undo)


class _RedirectedCalls:
    """Wraps functions, so that they use redirected paths."""

    def __init__(self, redirection: Redirection, own: threading.local) -> None:
        self._redirection, self._own = redirection, own

    def redirect(self, original: Function, paths: Sequence[PathArgument]) -> Function:
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
