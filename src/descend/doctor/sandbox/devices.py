"""Decide which devices a script may write to: those that store nothing, new terminals, and graphics cards.

A disk, another program's terminal or the machine's memory is never allowed, whatever its file is called.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("/dev")
SHARED_MEMORY = FOLDER / "shm"  # folder with the tensors that DataLoader workers return
# Major and minor numbers of devices, from the Linux file admin-guide/devices.txt.
_KEEP_NOTHING = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_OWN_TERMINAL = {"tty": (5, 0), "ptmx": (5, 2)}  # the controlling terminal, and the device that creates new ones
_BY_NUMBER = {os.makedev(*numbers) for numbers in (_KEEP_NOTHING | _OWN_TERMINAL).values()}
# Major numbers of consoles and serial lines, of aliases of the console, and of new terminals.
_TERMINALS = {4, 5, *range(136, 144)}
# Device files of NVIDIA, AMD and Intel graphics cards and of a Windows host. Most have no fixed device numbers.
_CARDS = ("nvidia", "dri/", "kfd", "dxg", "accel/")


def is_foreign_terminal(path: str) -> bool:
    """Return whether a path is another program's terminal, from which the script could take input."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    major = os.major(found.st_rdev)
    return stat.S_ISCHR(found.st_mode) and major in _TERMINALS and found.st_rdev not in _BY_NUMBER


def may_write_device(path: str) -> bool | None:
    """Return whether a script may write to a device; None if the path is not a device."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISCHR(found.st_mode) and not stat.S_ISBLK(found.st_mode):
        return None
    is_card = path.startswith(tuple(f"{FOLDER}/{name}" for name in _CARDS))
    return stat.S_ISCHR(found.st_mode) and (is_card or found.st_rdev in _BY_NUMBER)


def writable_devices() -> Iterator[Path]:
    """Yield the devices of this machine that a script may write to, and the folders with graphics cards."""
    yield from (path for name in (*_KEEP_NOTHING, *_OWN_TERMINAL) if (path := FOLDER / name).exists())
    for name in _CARDS:
        folder, _, is_folder = name.partition("/")
        if is_folder:
            yield from (path for path in [FOLDER / folder] if path.is_dir())
        else:
            yield from sorted(FOLDER.glob(f"{name}*"))
