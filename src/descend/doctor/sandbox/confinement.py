"""How far a run of ours is kept apart from the user's machine, and what stays open where the kernel helps less.

Three levels, each with what the ones after it have: namespaces of the run's own (`namespaces`), the kernel's rule on
writing (`landlock`), and the interpreter's own events (`effects`).
"""

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args

from descend.doctor.sandbox.landlock import SCOPED, landlock_version
from descend.doctor.sandbox.namespaces import own_files, own_namespaces
from descend.ground.errors import UsageError
from descend.ground.temporary import temporary_folder

Level = Literal["namespaces", "landlock", "hooks"]
LEVELS: tuple[Level, ...] = get_args(Level)
PATIENCE_S = 20.0  # for a test that takes a tenth of a second
_TRY = "import sys; sys.path[:] = {!r}; from descend.doctor.sandbox.confinement import try_namespaces as t; t({!r})"


@functools.cache
def strongest() -> Level:
    """Return the strongest level that this machine has."""
    if _has_namespaces():
        return "namespaces"
    return "landlock" if landlock_version() else "hooks"


def available(asked: str) -> Level:
    """Return the level that is asked for, the strongest for "auto". Raises `UsageError` where there is none such."""
    if asked == "auto":
        return strongest()
    if asked not in LEVELS:
        raise UsageError(f"--sandbox must be auto, {', '.join(LEVELS)}, not {asked}")
    level: Level = next(known for known in LEVELS if known == asked)
    if level == "namespaces" and not _has_namespaces():
        raise UsageError("--sandbox namespaces: this kernel, or a setting of it, lets this user make none")
    if level == "landlock" and not landlock_version():
        raise UsageError("--sandbox landlock: this kernel has no Landlock")
    return level


def left_open(level: Level) -> str:
    """Return in one line what a level does not hold back of what a script may do outside its copy; "" for nothing."""
    if level == "namespaces":
        return ""
    still_open = ["changes of files' modes and owners", "deletions in /dev/shm"]
    if level == "hooks":
        still_open = ["any writing of files", "signals to other processes"]
    elif landlock_version() < SCOPED:
        still_open.append("signals to other processes")
    why = "without namespaces" if level == "landlock" else "without namespaces and Landlock"
    listed = " and ".join([", ".join(still_open[:-1]), still_open[-1]])
    return f"{why}, {listed} by libraries in C are not held back"


def try_namespaces(top: str) -> None:
    """Try the namespaces in this process, with `top` as a scratch copy; end with status 0 where they can be made."""
    own_namespaces()
    child = os.fork()
    if child == 0:
        try:
            own_files(Path(top), [])
            os._exit(0)
        finally:
            os._exit(1)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@functools.cache
def _has_namespaces() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    with temporary_folder() as top:
        command = [sys.executable, "-I", "-c", _TRY.format(sys.path, str(top))]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0
