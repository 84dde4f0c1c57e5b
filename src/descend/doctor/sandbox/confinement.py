"""Choose the level of the sandbox for a run: the strongest that this machine supports, or the requested one.

There are three levels, and each includes those after it: new namespaces for the run (`namespaces`), the kernel's limit
on writing (`landlock`), and audit hooks of the interpreter (`effects`). `promises` lists what each level prevents.
"""

import functools
import subprocess
import sys

from descend.core.errors import UsageError
from descend.core.temporary import temporary_folder
from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.promises import LEVELS, Level, unprevented_effects_message

PATIENCE_S = 20.0  # maximum seconds for the attempt to create namespaces, which usually takes 0.1 s
_TRY = "import sys; sys.path[:] = {!r}; from descend.doctor.sandbox.namespaces import try_namespaces as t; t({!r})"
# Errors of runs that could not create namespaces. After the first such error, no run of this process uses namespaces.
_lost: list[str] = []


def strongest_level() -> Level:
    """Return the strongest sandbox level that this machine supports."""
    if not find_namespace_error():
        return "namespaces"
    return "landlock" if landlock_version() else "hooks"


def choose_level(asked: str) -> Level:
    """Return the requested sandbox level, or the strongest for "auto". Raises `UsageError` for unsupported levels."""
    if asked == "auto":
        return strongest_level()
    if asked not in LEVELS:
        raise UsageError(f"--sandbox must be auto, {', '.join(LEVELS[:-1])} or {LEVELS[-1]}, not {asked}")
    level: Level = next(known for known in LEVELS if known == asked)
    if level == "namespaces" and (reason := find_namespace_error()):
        raise UsageError(f"--sandbox namespaces: this kernel or its settings do not allow new namespaces: {reason}")
    if level == "landlock" and not landlock_version():
        raise UsageError("--sandbox landlock: this kernel does not support Landlock")
    return level


def sandbox_message(asked: str) -> str:
    """Return a message that lists the effects which a sandbox level does not prevent; "" if it prevents all effects."""
    level = choose_level(asked)
    reason = f"no namespaces: {find_namespace_error()}" if asked == "auto" and level != "namespaces" else ""
    return unprevented_effects_message(level, landlock_version(), reason)


def find_namespace_error() -> str:
    """Return the system call that failed when namespaces were created, with its error; "" if they can be created."""
    return _lost[-1] if _lost else _test_namespaces()


def give_up_namespaces(reason: str) -> None:
    """Store the reason why a run could not create namespaces. Later runs then use the next weaker sandbox level."""
    _lost.append(reason)


@functools.cache
def _test_namespaces() -> str:
    """Test in a new process whether namespaces can be created; return the failed call with its error, or ""."""
    if not sys.platform.startswith("linux"):
        return "only Linux has namespaces"
    with temporary_folder() as top:
        command = [sys.executable, "-I", "-c", _TRY.format(sys.path, str(top))]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
        except OSError as error:
            return f"the process that tries to create namespaces cannot be started: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"the attempt to create namespaces took more than {PATIENCE_S:.0f} s"
        said = done.stderr.strip().splitlines() or [
            f"the attempt to create namespaces ended with status {done.returncode}"
        ]
        return "" if done.returncode == 0 else said[-1]
