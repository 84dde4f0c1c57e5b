"""Make the file system read-only for this process and its children with Landlock, except for a few folders.

Landlock (Linux 5.13; the kernel's userspace-api/landlock) lets any process, root or not, give up rights permanently
without privileges. It stops writers in C, C++ and Rust, which a Python audit hook cannot stop. It does not restrict
changes of a file's mode, owner, times and extended attributes, or sockets; since version 6 it restricts signals.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from descend.doctor.sandbox import devices, kernel

# Numbers of system calls, which are the same on every architecture except Alpha since Linux 5.1.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # flag that makes create_ruleset return the ABI version
_PATH_BENEATH = 1  # type of a rule: a folder with everything below it

# include/uapi/linux/landlock.h: LANDLOCK_ACCESS_FS_*
_WRITE_FILE = 1 << 1
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 6, 1 << 7, 1 << 8, 1 << 9
_MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 10, 1 << 11, 1 << 12
_REFER = 1 << 13  # renaming or linking between two folders, which is always refused before version 2
_TRUNCATE = 1 << 14
_CONTROL = 1 << 15  # ioctl on a device, which can change a terminal's settings

_ON_FILES = _WRITE_FILE | _TRUNCATE | _CONTROL
_MAKE_DEVICE = _MAKE_CHAR | _MAKE_BLOCK  # creating a device, which is never allowed in any folder
_MAKE = _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
_SINCE = (  # the Landlock version that introduced each right; older kernels reject the right
    (1, _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _MAKE_DEVICE),
    (2, _REFER),
    (3, _TRUNCATE),
    (5, _CONTROL),
)

SCOPED = 6  # the Landlock version that introduced the restriction of signals
_SCOPE_SIGNAL = 1 << 1

_OWN = Path("/proc/self")


class _Ruleset(ctypes.Structure):
    """The C structure `landlock_ruleset_attr` of landlock_create_ruleset(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("handled_access_fs", "handled_access_net", "scoped"))


class _PathBeneath(ctypes.Structure):
    """The C structure `landlock_path_beneath_attr` of landlock_add_rule(2)."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """Return the kernel's Landlock ABI version; 0 if Landlock is missing or switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call_kernel(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))


def restrict_writes(allowed: Sequence[Path]) -> bool:
    """Make the file system read-only for this thread and its new threads and processes, permanently.

    Still writable are `allowed` (files, or folders with everything below them), the devices of
    `devices.writable_devices`, shared memory and this process's own folder in /proc. Reading is not restricted, and
    open descriptors keep their rights. Signals reach only processes with the same restriction, if the kernel supports
    it (`SCOPED`). Returns False if the kernel has no Landlock; nothing is restricted then. Threads that already run are
    not restricted, so call this in a process with one thread.
    """
    version = landlock_version()
    if not version:
        return False
    rights = sum(flags for since, flags in _SINCE if version >= since)
    attributes = _Ruleset(rights, 0, _SCOPE_SIGNAL)
    size = ctypes.sizeof(attributes) if version >= SCOPED else ctypes.sizeof(ctypes.c_uint64)
    ruleset = _call_kernel(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in [*allowed, devices.SHARED_MEMORY]:
            _allow_rights(ruleset, path, rights & ~_MAKE_DEVICE)
        for path in (*devices.writable_devices(), _OWN):
            _allow_rights(ruleset, path, rights & _ON_FILES)
        return kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1) and not _call_kernel(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_rights(ruleset: int, path: Path, rights: int) -> None:
    """Add a rule that allows rights at a path. Skip a path that cannot be opened: it cannot be written either."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        on_this = rights if path.is_dir() else rights & _ON_FILES
        rule = _PathBeneath(on_this, descriptor)
        _call_kernel(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _call_kernel(number: int, *arguments: object) -> int:
    """Make a system call with Python's integers passed as C integers, and return its result."""
    return kernel.syscall(number, *(ctypes.c_int(a) if isinstance(a, int) else a for a in arguments))
