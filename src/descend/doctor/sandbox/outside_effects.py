"""An effect of the script outside its scratch copy, and whether the kernel keeps it in a private layer of the run."""

import os
from collections.abc import Collection
from dataclasses import dataclass

from descend.doctor.sandbox import devices
from descend.doctor.sandbox.layers import can_be_copied_up

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
    return bool(outside.paths) and all(path not in copies and is_left_to_kernel(path) for path in outside.paths)


def is_left_to_kernel(path: str) -> bool:
    """Return whether the kernel may decide about a change of a file or folder, which may not exist yet.

    The kernel either makes the change in a private layer, or refuses it because the user has no permission.
    """
    if path.startswith(KERNEL_FOLDERS) or devices.may_write_device(path) is not None:
        return False
    existing = path
    while not os.path.lexists(existing) or os.path.islink(existing):
        existing = os.path.dirname(existing)
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        return False
    has_permission = os.access(existing, os.W_OK) or (existing == path and os.access(os.path.dirname(path), os.W_OK))
    return can_be_copied_up(existing) or not has_permission
