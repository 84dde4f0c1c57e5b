"""Make Python's functions for files use the paths of a `Redirection`.

Neither the class `io.FileIO`, nor functions that objects have stored before, nor libraries in C are redirected. Their
changes outside the scratch copy are refused.
"""

import _io
import builtins
import functools
import io
import os
import posix
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType, TracebackType
from typing import Any

from descend.doctor.sandbox.exact import to_builtin_type
from descend.doctor.sandbox.file_effects import WRITING, absolute_path, creates_file, opening_flags
from descend.doctor.sandbox.path_arguments import DELETED, PATH_ARGUMENTS, READ, PathArgument
from descend.doctor.sandbox.redirection import Change, Redirection
from descend.doctor.sandbox.replaced_functions import (
    Function,
    Undo,
    replace_function,
    replace_stored_functions,
    restorer,
)


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
    replacements: list[Function] = []

    def replace(modules: Sequence[ModuleType], name: str, replacement: Function) -> None:
        """Replace a function in modules, and note the replacement."""
        replace_function(modules, name, replacement, undo)
        replacements.append(replacement)

    for name, paths in PATH_ARGUMENTS.items():
        if hasattr(os, name):
            replace((os, posix), name, calls.redirect(getattr(os, name), paths))
    replace((os, posix), "scandir", calls.redirect_listing(os.scandir, _Entries))
    replace((os, posix), "listdir", calls.redirect_listing(os.listdir, _names))
    replace((os, posix), "chdir", calls.redirect_chdir(os.chdir))
    replace((os, posix), "open", calls.redirect_open(os.open, "path", "flags", _number))
    replace((builtins, io, _io), "open", calls.redirect_open(open, "file", "mode", _flags_of_mode))
    replace((io, _io), "open_code", calls.redirect(io.open_code, READ))
    replace((shutil,), "rmtree", calls.redirect(shutil.rmtree, DELETED))
    replace_stored_functions(replacements, undo)
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
            changes: list[Change] = []
            for path in paths:
                key = path.position if path.position in given else path.name
                if key not in given:
                    continue  # the path has its default value, or the original function raises an error
                is_in_folder = named.get(path.folder) is not None
                follow = path.follow and named.get("follow_symlinks", True)
                given[key] = self._path_for(
                    given[key], changes, is_in_folder, path.kind, follow=follow, makes=path.makes
                )
            result = original(*[given[i] for i in range(len(arguments))], **{name: given[name] for name in named})
            if paths[0].kind in ("delete", "rename"):
                self._mark_deleted(given.get(0, given.get(paths[0].name)), named.get(paths[0].folder))
            self._redirection.report(changes)
            return result

        return call

    def redirect_open(self, original: Function, name: str, second: str, flags_of: Callable[[Any], int]) -> Function:
        """Return a wrapper of `open` or `os.open`.

        name: name of the argument that is the path; second: name of the next argument, which `flags_of` converts to
        flags.
        """

        @functools.wraps(original)
        def call(*arguments: Any, **named: Any) -> Any:
            """Open a file at its redirected path."""
            if name in named and not arguments:
                arguments = (named.pop(name),)
            if getattr(self._own, "busy", False) or not arguments:
                return original(*arguments, **named)
            flags = flags_of(arguments[1] if len(arguments) > 1 else named.get(second))
            is_in_folder, makes = named.get("dir_fd") is not None, creates_file(flags)
            follow = not makes and not flags & os.O_NOFOLLOW
            kind = "write" if flags & WRITING else ""
            changes: list[Change] = []
            path = self._path_for(arguments[0], changes, is_in_folder, kind, follow=follow, makes=makes)
            result = original(path, *arguments[1:], **named)
            self._redirection.report(changes)
            return result

        return call

    def redirect_listing(self, original: Function, convert: "Callable[[Sequence[_Entry]], Any]") -> Function:
        """Return a wrapper of `os.scandir` or `os.listdir`, which returns the entries as the run sees them."""

        @functools.wraps(original)
        def call(path: Any = ".") -> Any:
            """List a folder with the entries that the run has changed."""
            if getattr(self._own, "busy", False) or not isinstance(path, str | bytes | os.PathLike):
                return original(path)
            path = to_builtin_type(os.fspath(path))
            with ignoring_own_calls(self._own), suppress(OSError):  # the original function raises the error
                found = self._redirection.entries(os.fsdecode(path))
                if found is not None:
                    return convert([_Entry(entry, path) for entry in found])
            return original(self._path_for(path, [], False, "", follow=True, makes=False))

        return call

    def redirect_chdir(self, original: Function) -> Function:
        """Return a wrapper of `os.chdir` that enters the folder in the copy."""

        @functools.wraps(original)
        def call(path: Any) -> None:
            """Enter a folder, or its place in the copy."""
            if not getattr(self._own, "busy", False) and isinstance(path, str | bytes | os.PathLike):
                path = to_builtin_type(os.fspath(path))
                with ignoring_own_calls(self._own), suppress(OSError):  # the original function raises the error
                    path = self._redirection.folder_to_enter(os.fsdecode(path))
            original(path)

        return call

    def _path_for(
        self, given: Any, changes: list[Change], is_in_folder: bool, kind: str, *, follow: bool, makes: bool
    ) -> Any:
        """Return the path to use instead of a given one. Descriptors, and paths in the copy, are returned unchanged."""
        if not isinstance(given, str | bytes | os.PathLike):
            return given
        path = to_builtin_type(os.fspath(given))
        text = os.fsdecode(path)
        if not text.startswith("/") and is_in_folder or "\0" in text or not text:
            return path
        if not kind and self._redirection.is_known_unchanged(text):
            return path
        with ignoring_own_calls(self._own):
            try:
                whole = text if text.startswith("/") else absolute_path(text)
                found = self._redirection.path_for(whole, changes, kind, follow=follow, makes=makes)
            except OSError:  # for example a folder that may not be searched; the original function raises the error
                return path
        if found == whole:
            return path
        return found if isinstance(path, str) else os.fsencode(found)

    def _mark_deleted(self, path: Any, folder: int | None) -> None:
        """Note that a call has deleted or renamed the file or folder at a path."""
        with ignoring_own_calls(self._own), suppress(OSError, TypeError):
            self._redirection.mark_deleted(absolute_path(os.fspath(path), folder))


class _Entry:
    """An entry of a folder with the path that the script expects, although the file may be in the copy."""

    def __init__(self, entry: "os.DirEntry[str]", folder: str | bytes) -> None:
        self._entry = entry
        path = os.path.join(os.fsdecode(folder), entry.name)
        self.name: str | bytes = entry.name if isinstance(folder, str) else os.fsencode(entry.name)
        self.path: str | bytes = path if isinstance(folder, str) else os.fsencode(path)

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the entry, such as `is_dir`."""
        return getattr(self._entry, name)

    def __fspath__(self) -> str | bytes:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class _Entries:
    """The entries of a folder, as an iterator like that of `os.scandir`."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> "_Entries":
        return self

    def __next__(self) -> _Entry:
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


def _names(entries: Sequence[_Entry]) -> list[str | bytes]:
    """Return the names of a folder's entries."""
    return [entry.name for entry in entries]
