"""Calls of the Linux kernel that Python has no function for: each raises `OSError` where the kernel refuses."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path

# The numbers that every architecture but Alpha gives to calls younger than Linux 5.1.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MS_PRIVATE = 1 << 18  # a propagation: what is mounted here is seen nowhere else
_MOUNT_ATTR_RDONLY = 1

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
# linux/capability.h: what an administrator's script may go on doing with files that others own, and pinned memory
_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID, _CAP_IPC_LOCK = 0, 1, 2, 3, 4, 14
KEPT_BY_ROOT = (_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID, _CAP_IPC_LOCK)
_CAPABILITY_VERSION_3 = 0x20080522

# CLONE_NEW*
NEW_USER, NEW_PIDS, NEW_MOUNTS, NEW_IPC = 0x10000000, 0x20000000, 0x00020000, 0x08000000
NEW_NETWORK, NEW_NAMES = 0x40000000, 0x04000000  # the latter of the machine and its domain
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd"))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def syscall(number: int, *arguments: object) -> int:
    """Return what a call gives, -1 where it fails."""
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, value: int) -> bool:
    """Change something about this process; whether the kernel did."""
    unused = ctypes.c_ulong(0)
    return bool(_libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), unused, unused, unused) == 0)


def die_with_parent(signal: int) -> None:
    """Be sent `signal` when the thread that has started this process ends."""
    prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def close_to_others(is_closed: bool = True) -> None:
    """Let no process of the same user read this one's memory and descriptors, or let it again."""
    prctl(_PR_SET_DUMPABLE, int(not is_closed))


def unshare(namespaces: int) -> None:
    """Leave the namespaces that are shared with others for new ones; the process numbers are the children's."""
    _succeeds(_libc().unshare(ctypes.c_int(namespaces)), "unshare")


def keep_mounts_private() -> None:
    """Let no mount of this namespace be seen elsewhere, nor the other way round."""
    _set_attributes("/", _MountAttributes(0, 0, _MS_PRIVATE, 0))


def make_read_only(path: str = "/", with_all_below: bool = True) -> None:
    """Make mounts of this namespace read-only; device nodes stay writable."""
    _set_attributes(path, _MountAttributes(_MOUNT_ATTR_RDONLY, 0, 0, 0), with_all_below)


def mount(source: str, target: str, kind: str, options: str = "") -> None:
    """Mount a new file system of a kind."""
    result = _libc().mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(0), os.fsencode(options))
    _succeeds(result, f"mount {kind} on {target}")


def copy_of_mount(path: Path) -> int:
    """Return a descriptor of what is mounted at a folder, from there on down, to be put back later."""
    flags = ctypes.c_uint(_OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE)
    return _succeeds(syscall(_OPEN_TREE, ctypes.c_int(_AT_FDCWD), os.fsencode(path), flags), f"open_tree {path}")


def put_back(descriptor: int, path: Path) -> None:
    """Mount what `copy_of_mount` has kept."""
    flags = ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    here = ctypes.c_int(_AT_FDCWD)
    _succeeds(syscall(_MOVE_MOUNT, ctypes.c_int(descriptor), b"", here, os.fsencode(path), flags), f"move_mount {path}")


def switch_on_loopback() -> None:
    """Let the processes of a new network namespace reach each other: its only interface is off at first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = bytearray(struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", request, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def give_up_capabilities(kept: Collection[int]) -> None:
    """Give up, for good, every capability of an administrator but these numbers."""
    held = _capabilities()
    for number in set(range(64)).difference(kept):
        prctl(_PR_CAPBSET_DROP, number)  # refused beyond the last that the kernel knows
        word = held[number // 32]
        word.effective, word.permitted, word.inheritable = (
            value & ~(1 << number % 32) for value in (word.effective, word.permitted, word.inheritable)
        )
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _succeeds(_libc().capset(ctypes.byref(header), held), "capset")


def _capabilities() -> "ctypes.Array[_Capabilities]":
    held = (_Capabilities * 2)()
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _succeeds(_libc().capget(ctypes.byref(header), held), "capget")
    return held


def _set_attributes(path: str, attributes: _MountAttributes, with_all_below: bool = True) -> None:
    size, flags = ctypes.c_size_t(ctypes.sizeof(attributes)), ctypes.c_uint(_AT_RECURSIVE * with_all_below)
    where = (ctypes.c_int(_AT_FDCWD), os.fsencode(path))
    _succeeds(syscall(_MOUNT_SETATTR, *where, flags, ctypes.byref(attributes), size), f"mount_setattr {path}")


def _succeeds(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
