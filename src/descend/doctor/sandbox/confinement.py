"""Which level of the sandbox a run has: the strongest that this machine gives, or the one that the user asks for.

Three levels, each with what the ones after it have: namespaces of the run's own (`namespaces`), the kernel's limit on
writing (`landlock`), and the interpreter's own events (`effects`). `promises` says what each holds back.
"""

import functools
import subprocess
import sys

from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.promises import LEVELS, Level, left_open_message
from descend.ground.errors import UsageError
from descend.ground.temporary import temporary_folder

PATIENCE_S = 20.0  # for a test that takes a tenth of a second
_TRY = "import sys; sys.path[:] = {!r}; from descend.doctor.sandbox.namespaces import try_namespaces as t; t({!r})"
_lost: list[str] = []  # why namespaces cannot be made any more: what has failed in a run


def strongest() -> Level:
    """Return the strongest level that this machine has."""
    if not without_namespaces():
        return "namespaces"
    return "landlock" if landlock_version() else "hooks"


def available(asked: str) -> Level:
    """Return the level that is asked for, the strongest for "auto". Raises `UsageError` where there is none such."""
    if asked == "auto":
        return strongest()
    if asked not in LEVELS:
        raise UsageError(f"--sandbox must be auto, {', '.join(LEVELS)}, not {asked}")
    level: Level = next(known for known in LEVELS if known == asked)
    if level == "namespaces" and (reason := without_namespaces()):
        raise UsageError(f"--sandbox namespaces: this kernel, or a setting of it, does not allow them: {reason}")
    if level == "landlock" and not landlock_version():
        raise UsageError("--sandbox landlock: this kernel has no Landlock")
    return level


def announcement(asked: str) -> str:
    """Return what the level that is asked for leaves open, and why "auto" gives no stronger one; "" for nothing."""
    level = available(asked)
    reason = f"no namespaces: {without_namespaces()}" if asked == "auto" and level != "namespaces" else ""
    return left_open_message(level, landlock_version(), reason)


def without_namespaces() -> str:
    """Return the call that fails where namespaces cannot be made, and its error; "" where they can."""
    return _lost[-1] if _lost else _failing_call()


def give_up_namespaces(reason: str) -> None:
    """Use the next level from now on: a run could not have namespaces, although a first test had them."""
    _lost.append(reason)


@functools.cache
def _failing_call() -> str:
    if not sys.platform.startswith("linux"):
        return "they are Linux's"
    with temporary_folder() as top:
        command = [sys.executable, "-I", "-c", _TRY.format(sys.path, str(top))]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
        except OSError as error:
            return f"the test of them cannot be started: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"the test of them took more than {PATIENCE_S:.0f} s"
        said = done.stderr.strip().splitlines() or [f"the test of them ended with status {done.returncode}"]
        return "" if done.returncode == 0 else said[-1]
