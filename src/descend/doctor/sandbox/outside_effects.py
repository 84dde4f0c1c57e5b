"""An effect of the script outside its scratch copy, and whether the kernel keeps it in a private layer of the run."""

import os
from collections.abc import Collection
from dataclasses import dataclass

from descend.doctor.sandbox import devices

# Folders of the kernel and of devices, in which nothing is redirected.
KERNEL_FOLDERS = ("/proc/", "/sys/", "/dev/")


@dataclass(frozen=True)
class OutsideEffect:
    """An effect that is about to happen outside the folders that the script may change."""

    kind: str  # `kind` of the reported `Effect`: "write", "delete", …
    target: str
    refused_later: bool = False  # whether a later check or the kernel refuses the effect
    by: str = ""  # the library that causes the effect
    paths: tuple[str, ...] = ()  # the files and folders that the effect changes, as paths without links


def is_redirected_by_kernel(outside: OutsideEffect, copies: Collection[str]) -> bool:
    """Return whether each changed file is in a private layer of the run's namespace; False if no file changes.

    In a namespace that `namespaces.make_files_read_only` has prepared, all file systems are read-only except for these
    layers and the folders `copies`, which are real.
    """
    return bool(outside.paths) and all(path not in copies and _is_in_private_layer(path) for path in outside.paths)


def _is_in_private_layer(path: str) -> bool:
    """Return whether a file or folder, which may not exist yet, is on a file system that is not read-only."""
    if path.startswith(KERNEL_FOLDERS) or devices.may_write_device(path) is not None:
        return False
    while not os.path.lexists(path) or os.path.islink(path):
        path = os.path.dirname(path)
    return not os.statvfs(path).f_flag & os.ST_RDONLY
