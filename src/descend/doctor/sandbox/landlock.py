"""The kernel's own guard: everything read-only for this process and its children but a few folders.

Landlock (Linux 5.13; the kernel's userspace-api/landlock) lets a process give up rights for good, root or
not, with no privileges and no set-up. It stops what a Python hook cannot see: writers in C, C++ and Rust. It
does not govern a file's mode, owner, times and extended attributes, nor sockets; since version 6 it keeps signals in.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from descend.doctor.sandbox import devices, kernel

# The numbers that every architecture but Alpha gives to calls younger than Linux 5.1.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # flag of create_ruleset: return the ABI's version
_PATH_BENEATH = 1  # the type of rule

# include/uapi/linux/landlock.h: LANDLOCK_ACCESS_FS_*
_WRITE_FILE = 1 << 1
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 6, 1 << 7, 1 << 8, 1 << 9
_MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 10, 1 << 11, 1 << 12
_REFER = 1 << 13  # rename or link from one folder to another; before version 2 that is never possible
_TRUNCATE = 1 << 14
_CONTROL = 1 << 15  # ioctl of a device, also of one that is open for reading: a terminal's settings

_ON_FILES = _WRITE_FILE | _TRUNCATE | _CONTROL
_MAKE_DEVICE = _MAKE_CHAR | _MAKE_BLOCK  # a device of any number: never allowed, wherever its file is
_MAKE = _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
_SINCE = (  # the version that brought each right; an older kernel refuses to hear of it
    (1, _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _MAKE_DEVICE),
    (2, _REFER),
    (3, _TRUNCATE),
    (5, _CONTROL),
)

SCOPED = 6  # the version that keeps signals among the restricted processes
_SCOPE_SIGNAL = 1 << 1

_OWN = Path("/proc/self")


class _Ruleset(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("handled_access_fs", "handled_access_net", "scoped"))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """Return the kernel's Landlock ABI version; 0 where it has none, or where it is switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))


def restrict_writes(allowed: Sequence[Path]) -> bool:
    """Make the file system read-only for this thread, the threads and the processes it will start, for good.

    Left writable are `allowed` (folders with all below them, or files), the devices of `devices.writable`, shared
    memory and this process's own folder in /proc. Reading stays as it was; open descriptors keep their rights.
    Signals reach only processes that are restricted with it, where the kernel knows how (`SCOPED`).
    False where the kernel cannot do it: nothing is restricted then. Threads that run already stay free: call it in a
    process that has one thread.
    """
    version = landlock_version()
    if not version:
        return False
    rights = sum(flags for since, flags in _SINCE if version >= since)
    attributes = _Ruleset(rights, 0, _SCOPE_SIGNAL)
    size = ctypes.sizeof(attributes) if version >= SCOPED else ctypes.sizeof(ctypes.c_uint64)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in [*allowed, devices.SHARED_MEMORY]:
            _allow(ruleset, path, rights & ~_MAKE_DEVICE)
        for path in (*devices.writable(), _OWN):
            _allow(ruleset, path, rights & _ON_FILES)
        return kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1) and not _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Add one rule. What does not exist, or cannot be opened, cannot be written either."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        on_this = rights if path.is_dir() else rights & _ON_FILES
        rule = _PathBeneath(on_this, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    return kernel.syscall(number, *(ctypes.c_int(a) if isinstance(a, int) else a for a in arguments))
