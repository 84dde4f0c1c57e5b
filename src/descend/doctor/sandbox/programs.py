"""Which programs a script may start while it is examined: those that change nothing, and torch's compilers.

A word list cannot prove a program harmless, so it is short, and what it does not know is refused.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from descend.doctor.record.reading import is_installed

# The audit events of a program that is about to be started.
STARTS = ("os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "subprocess.Popen")

# Programs that only look, whatever their arguments are.
_LOOK = frozenset(
    "uname ldconfig lscpu nproc objdump readelf which id whoami getconf free lspci tput locale "
    "ls cat echo true false sleep pwd".split()
)
# Programs that only look with arguments like these.
_LOOK_WITH = {
    "hostname": r"-[fisdIA]",
    "file": r"-b|-L|--brief|[^-].*",
    "nvidia-smi": r"--(query|format|id|list-gpus)\b.*|-[qxLi]|\d[\d,]*|csv\S*",
    "rocm-smi": r"--show\w+",
    "stty": r"size|-a",
    "sysctl": r"-n|[\w.]+",
}
_GIT = frozenset({"rev-parse", "describe", "log", "show", "diff", "status", "ls-files", "rev-list", "version"})
_GIT_BRANCH = ("branch", "--show-current")
_SYSTEM_FOLDERS = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")

# Modules that compile, or ask the machine what it is: what they start themselves is part of running the script.
_TRUSTED = (
    "torch._inductor",
    "torch._dynamo",
    "torch.utils.cpp_extension",
    "descend.optim.engines.build",
    "triton",
    "numba",
    "ctypes.util",
    "platform",
)
_PASSES_ON = frozenset({"subprocess", "os", "pty", "concurrent.futures.process"})
_WORKERS = ("multiprocessing", "joblib.externals.loky", "loky", "torch._inductor")
_SHELL = re.compile(r"[;|&<>$`\\\n(){}*?~#\[\]!]")  # anything that is more than one plain command


def command_of(event: str, arguments: Sequence[Any]) -> list[str]:
    """Return the command that an audit event is about to start."""
    if event == "os.system":
        return ["sh", "-c", os.fsdecode(arguments[0])]
    words = arguments[1] if event in ("subprocess.Popen", "os.exec", "os.posix_spawn") else arguments[0]
    if event == "os.spawn":
        words = arguments[2]
    if isinstance(words, str | bytes):
        words = [words]
    command = [os.fsdecode(word) for word in words or ()]
    program = arguments[0]
    if event != "pty.spawn" and isinstance(program, str | bytes | os.PathLike) and command:
        if os.path.basename(os.fsdecode(program)) != os.path.basename(command[0]):
            command[0] = os.fsdecode(program)  # what runs is the program, whatever it is told that it is called
    return command


def may_start(command: Sequence[str]) -> bool:
    """Whether a command changes nothing, is a worker of this process, or is started by a compiler of torch's."""
    if not command:
        return False
    if _is_from(_name(_caller()), _TRUSTED):
        return True
    if _is_shell(command):
        if _SHELL.search(command[2]):
            return False
        try:
            command = shlex.split(command[2])
        except ValueError:
            return False
        return bool(command) and _only_looks(command)
    return _only_looks(command) or _is_worker(command)


def library() -> str:
    """Return the installed library whose own line starts the program; nothing where it is a line of the user's."""
    frame = _caller()
    return _name(frame).split(".")[0] if frame is not None and is_installed(frame.f_code.co_filename) else ""


def _is_shell(command: Sequence[str]) -> bool:
    return len(command) == 3 and os.path.basename(command[0]) in ("sh", "bash", "dash") and command[1] == "-c"


def _only_looks(command: Sequence[str]) -> bool:
    folder, program = os.path.split(command[0])
    if folder and folder not in _SYSTEM_FOLDERS:
        return False
    arguments = command[1:]
    if program == "git":
        return _git_only_looks(arguments)
    if program in _LOOK_WITH:
        return all(re.fullmatch(_LOOK_WITH[program], argument) for argument in arguments)
    return program in _LOOK


def _git_only_looks(arguments: Sequence[str]) -> bool:
    if any(argument.startswith("--output") for argument in arguments):
        return False
    rest = list(arguments)
    while len(rest) > 1 and rest[0] == "-C":
        rest = rest[2:]
    return bool(rest) and (rest[0] in _GIT or tuple(rest) == _GIT_BRANCH)


def _is_worker(command: Sequence[str]) -> bool:
    """Whether this is our own interpreter, started again by a pool of workers."""
    if not _is_python(command[0]):
        return False
    for flag, value in zip(command[1:], command[2:], strict=False):
        if flag == "-c":
            return value.startswith(tuple(f"from {name}." for name in _WORKERS))
        if flag == "-m":
            return _is_from(value, _WORKERS)
    return False


def _is_python(program: str) -> bool:
    return os.path.realpath(program) == os.path.realpath(sys.executable)


def _is_from(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _caller() -> FrameType | None:
    """Return the innermost call of the module that starts the program, past the standard library's own layers."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name = _name(frame)
        if name not in _PASSES_ON and not name.startswith(("descend.doctor.run.", "descend.doctor.sandbox.")):
            return frame
        frame = frame.f_back
    return None


def _name(frame: FrameType | None) -> str:
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))
