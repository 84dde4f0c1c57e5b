"""Linux system calls without a Python function; each raises `OSError` if the kernel refuses it."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path

# Numbers of system calls, which are the same on every architecture except Alpha since Linux 5.1.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_AT_NO_AUTOMOUNT = 0x800
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MS_PRIVATE = 1 << 18  # flag that makes a mount in this namespace invisible in other namespaces
_MOUNT_ATTR_RDONLY = 1

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
# Capabilities (linux/capability.h) that a script of root keeps, for access to all users' files and for pinned memory.
_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID, _CAP_IPC_LOCK = 0, 1, 2, 3, 4, 14
KEPT_BY_ROOT = (_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID, _CAP_IPC_LOCK)
_CAPABILITY_VERSION_3 = 0x20080522

# Flags of unshare(2), called CLONE_NEW* in C. NEW_NAMES is for the host name and the domain name.
NEW_USER, NEW_PIDS, NEW_MOUNTS, NEW_IPC = 0x10000000, 0x20000000, 0x00020000, 0x08000000
NEW_NETWORK, NEW_NAMES = 0x40000000, 0x04000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


class _MountAttributes(ctypes.Structure):
    """The C structure `mount_attr` of mount_setattr(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd"))


class _CapabilityHeader(ctypes.Structure):
    """The C structure `__user_cap_header_struct` of capset(2)."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    """The C structure `__user_cap_data_struct` of capset(2), which describes 32 capabilities."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def syscall(number: int, *arguments: object) -> int:
    """Make a system call, and return its result; -1 if the call fails."""
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, value: int) -> bool:
    """Call prctl(2) for this process, and return whether the call succeeded."""
    unused = ctypes.c_ulong(0)
    return bool(_libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), unused, unused, unused) == 0)


def die_with_parent(signal: int) -> None:
    """Make the kernel send `signal` to this process when the thread that started it ends."""
    prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Make this process the parent of each descendant whose own parent ends."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory(is_closed: bool = True) -> None:
    """Prevent the user's other processes from reading this process's memory, or permit it if `is_closed` is False."""
    prctl(_PR_SET_DUMPABLE, int(not is_closed))


def unshare(namespaces: int) -> None:
    """Move this process into new namespaces. A new namespace for process numbers applies only to its children."""
    _require_success(_libc().unshare(ctypes.c_int(namespaces)), "unshare")


def keep_mounts_private() -> None:
    """Make mounts in this namespace invisible in other namespaces, and vice versa."""
    _set_mount_attributes("/", _MountAttributes(0, 0, _MS_PRIVATE, 0))


def make_read_only(path: str = "/", with_all_below: bool = True) -> None:
    """Make the mounts at and below a path read-only in this namespace. Device files stay writable."""
    _set_mount_attributes(path, _MountAttributes(_MOUNT_ATTR_RDONLY, 0, 0, 0), with_all_below)


def mount(source: str, target: str, kind: str, options: str = "") -> None:
    """Mount a new file system of type `kind` at the path `target`."""
    result = _libc().mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(0), os.fsencode(options))
    _require_success(result, f"mount {kind} on {target}")


def copy_mounts(path: Path) -> int:
    """Copy the mounts at and below a path, without new automounts; return the copy's descriptor for `attach_mounts`."""
    flags = ctypes.c_uint(_OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE | _AT_NO_AUTOMOUNT)
    return _require_success(syscall(_OPEN_TREE, ctypes.c_int(_AT_FDCWD), os.fsencode(path), flags), f"open_tree {path}")


def attach_mounts(descriptor: int, path: Path) -> None:
    """Attach a copy of mounts, which `copy_mounts` has made, at a path."""
    flags = ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    here = ctypes.c_int(_AT_FDCWD)
    _require_success(
        syscall(_MOVE_MOUNT, ctypes.c_int(descriptor), b"", here, os.fsencode(path), flags), f"move_mount {path}"
    )


def switch_on_loopback() -> None:
    """Switch on the loopback interface of a new network namespace, so that its processes can reach each other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = bytearray(struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", request, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def give_up_capabilities(kept: Collection[int]) -> None:
    """Permanently give up all capabilities of root, except those whose numbers are in `kept`."""
    held = _read_capabilities()
    for number in set(range(64)).difference(kept):
        prctl(_PR_CAPBSET_DROP, number)  # this call fails for capabilities that the kernel does not have
        word = held[number // 32]
        word.effective, word.permitted, word.inheritable = (
            value & ~(1 << number % 32) for value in (word.effective, word.permitted, word.inheritable)
        )
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _require_success(_libc().capset(ctypes.byref(header), held), "capset")


def _read_capabilities() -> "ctypes.Array[_Capabilities]":
    """Return the capabilities of this process, as an array of two structures with 32 capabilities each."""
    held = (_Capabilities * 2)()
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _require_success(_libc().capget(ctypes.byref(header), held), "capget")
    return held


def _set_mount_attributes(path: str, attributes: _MountAttributes, with_all_below: bool = True) -> None:
    """Change the attributes of the mount at a path and, with `with_all_below`, of all mounts below it."""
    size, flags = ctypes.c_size_t(ctypes.sizeof(attributes)), ctypes.c_uint(_AT_RECURSIVE * with_all_below)
    where = (ctypes.c_int(_AT_FDCWD), os.fsencode(path))
    _require_success(syscall(_MOUNT_SETATTR, *where, flags, ctypes.byref(attributes), size), f"mount_setattr {path}")


def _require_success(result: int, what: str) -> int:
    """Return the result of a system call. Raises `OSError` with the call's name `what` if the call failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _libc() -> ctypes.CDLL:
    """Return the C library, loaded so that ctypes stores the error number of each call."""
    return ctypes.CDLL(None, use_errno=True)
