"""Is what `--python` names a Python that can run a script for us?"""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from descend.doctor.run.process import start
from descend.ground.errors import UsageError, reason_of

ASK = "import os, sys; os.write(int(sys.argv[1]), b'%d.%d' % sys.version_info[:2])"
OLDEST = (3, 11)
ANSWER_S = 60.0  # one that begins on a slow network's file system has been seen to take half of that
LONGEST = 16  # bytes of an answer


def interpreter(path: str) -> str:
    """Return an interpreter's path as it reads from any folder. Raises `UsageError` where it does not answer as one."""
    path = os.path.abspath(path) if os.sep in path else path
    answer, said = _asked(path)
    try:
        version = tuple(int(part) for part in answer.split("."))
    except ValueError:
        raise UsageError(f"--python {path} does not answer as a Python interpreter does{said}") from None
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(f"--python {path} is Python {answer}; descend needs {oldest} or newer there")
    return path


def _asked(path: str) -> tuple[str, str]:
    """Return what it answers, and how it ended where it does not."""
    reader, writer = os.pipe()
    try:
        process = start([path, "-c", ASK, str(writer)], str(Path.cwd()), dict(os.environ), [writer])
    except (OSError, ValueError) as error:  # a name with a null byte
        os.close(reader)
        raise UsageError(f"{path} cannot be started: {reason_of(error)}") from None
    finally:
        os.close(writer)
    try:
        if not select.select([reader], [], [], ANSWER_S)[0]:
            return "", f": nothing came within {ANSWER_S:.0f} s"
        if answer := os.read(reader, LONGEST).decode(errors="replace"):
            return answer, ""
        status, tail = process.finish()
        last = (tail.strip().splitlines() or ["it said nothing"])[-1]
        return "", f": it ended with status {status} ({last})"
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.killpg(process.popen.pid, signal.SIGKILL)  # and whatever it has started
        process.popen.wait()
