"""Check that the interpreter of `--python` is a Python that can run the script."""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from descend.core.errors import UsageError, reason_of
from descend.doctor.execution.process import start

QUESTION = "import os, sys; os.write(int(sys.argv[1]), b'%d.%d' % sys.version_info[:2])"
OLDEST = (3, 11)  # oldest version of Python in which a script can be observed
ANSWER_S = 60.0  # time limit in seconds; on a slow network file system, an interpreter took half of this to start
LONGEST = 16  # largest number of bytes that are read from the interpreter's answer


def check_interpreter(path: str) -> str:
    """Return the path of the interpreter that `--python` names. Raises `UsageError` if it cannot run the script."""
    path = os.path.abspath(path) if os.sep in path else path
    answer, problem = _read_version(path)
    try:
        version = tuple(int(part) for part in answer.split("."))
    except ValueError:
        raise UsageError(f"--python {path} is not a working Python interpreter: {problem}") from None
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(f"--python {path} is Python {answer}, but descend needs Python {oldest} or newer")
    return path


def _read_version(path: str) -> tuple[str, str]:
    """Start an interpreter; return the Python version that it prints, and the problem if it prints no version."""
    reader, writer = os.pipe()
    try:
        process = start([path, "-c", QUESTION, str(writer)], str(Path.cwd()), dict(os.environ), [writer])
    except (OSError, ValueError) as error:  # a path with a null byte raises ValueError
        os.close(reader)
        raise UsageError(f"{path} cannot be started: {reason_of(error)}") from None
    finally:
        os.close(writer)
    try:
        if not select.select([reader], [], [], ANSWER_S)[0]:
            return "", f"the program did not print a version within {ANSWER_S:.0f} s"
        if answer := os.read(reader, LONGEST).decode(errors="replace"):
            return answer, "the program did not print a version"
        status, tail = process.finish()
        last = (tail.strip().splitlines() or ["no output"])[-1]
        return "", f"the program ended with status {status} ({last})"
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.killpg(process.popen.pid, signal.SIGKILL)  # also ends the processes that the interpreter has started
        process.popen.wait()
