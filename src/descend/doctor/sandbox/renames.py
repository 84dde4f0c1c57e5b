"""Make `os.rename` and `os.replace` work between the private layers of a run's namespace and its scratch copy.

The kernel renames files only within one file system. Each layer is a separate file system, although the folders under
the layers often belong to the same one. The kernel does not rename existing folders of a layer either.
"""

import errno
import functools
import os
import posix
import shutil
import threading
from collections.abc import Callable
from typing import Any

from descend.doctor.sandbox.replaced_functions import Undo, replace_function, restorer


def rename_between_layers(own: threading.local) -> Callable[[], None]:
    """Make `os.rename` and `os.replace` copy what the kernel cannot rename. Return the function that undoes this.

    `own.is_renaming` is true while this thread makes such a copy, because its steps are not effects of the script.
    """
    undo: Undo = []
    for name in ("rename", "replace"):
        replace_function((os, posix), name, _renaming_by_copy(getattr(os, name), own), undo)
    return restorer(undo)


def _renaming_by_copy(original: Callable[..., None], own: threading.local) -> Callable[..., None]:
    """Return a wrapper of `os.rename` or `os.replace` that copies between different file systems."""

    @functools.wraps(original)
    def call(src: Any, dst: Any, **named: Any) -> None:
        """Rename a file or folder, by a copy if necessary."""
        try:
            original(src, dst, **named)
        except OSError as error:
            if error.errno != errno.EXDEV or named:
                raise
            own.is_renaming = True
            try:
                _copy_in_place(original, os.fsdecode(src), os.fsdecode(dst))
            finally:
                own.is_renaming = False

    return call


def _copy_in_place(rename: Callable[..., None], source: str, target: str) -> None:
    """Copy a file, link or folder next to its target, rename the copy to the target, and delete the source."""
    folder = os.path.dirname(target.rstrip("/"))
    aside = os.path.join(folder, f".descend-{os.getpid()}-{threading.get_ident()}")  # a name that no other thread uses
    is_folder = os.path.isdir(source) and not os.path.islink(source)
    try:
        if is_folder:
            shutil.copytree(source, aside, symlinks=True)
        else:
            shutil.copy2(source, aside, follow_symlinks=False)
        rename(aside, target)
    except BaseException:
        if os.path.lexists(aside):
            shutil.rmtree(aside) if is_folder else os.unlink(aside)
        raise
    if is_folder:
        shutil.rmtree(source)
    else:
        os.unlink(source)
