"""Which programs a script may start while it is examined: those that change nothing, and torch's compilers.

A word list cannot prove a program harmless, so it is short, and what it does not know is refused.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from descend.doctor.record.reading import is_installed
from descend.doctor.sandbox.starts import Start

# Programs that only look, whatever their arguments are.
_LOOK = frozenset(
    "uname lscpu nproc objdump readelf which id whoami getconf free tput locale "
    "ls cat echo true false sleep pwd".split()
)
# Programs that only look with arguments like these.
_LOOK_WITH = {
    "hostname": r"-[fisdIA]",
    "ldconfig": r"-p",
    "lspci": r"-[bDdkmnstvx]+|[\w:.*]+",  # other options ask name servers and keep the answers
    "file": r"-b|-L|--brief|[^-].*",
    "nvidia-smi": r"--(query|format|id|list-gpus)\b.*|-[qxLi]|\d[\d,]*|csv\S*",
    "rocm-smi": r"--show\w+",
    "stty": r"size|-a",
    "sysctl": r"-n|[\w.]+",
}
_NEED_ONE = frozenset({"ldconfig"})  # of these, the programs that change something without any argument
_GIT = frozenset({"rev-parse", "describe", "log", "show", "diff", "status", "ls-files", "rev-list", "version"})
_OF_REPOSITORIES = (".git", "HEAD")  # the latter is in a bare one, which has settings, too
_GIT_BRANCH = ("branch", "--show-current")
_SHELLS = ("sh", "bash", "dash")
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
_WORKERS = r"(?:multiprocessing|joblib\.externals\.loky|loky|torch\._inductor)(?:\.\w+)*"
_WORKER_CODE = re.compile(  # no second call in it
    rf"from {_WORKERS} import (main|spawn_main); ?\1\([\w\s=,.'\"/:\[\]{{}}*-]*\)"
)
_WITH_VALUE = frozenset({"-X", "-W"})  # options of python's that another word belongs to
_SHELL = re.compile(r"[;|&<>$`\\\n(){}*?~#\[\]!]")  # anything that is more than one plain command
# Variables that make a program run other programs, or read other settings that do.
_DIVERTING = re.compile(
    r"LD_.*|GIT_.*|.*PAGER|.*EDITOR|PATH|HOME|XDG_CONFIG_.*|BASH_ENV|ENV|IFS|SHELLOPTS|GCONV_PATH|LESSOPEN|PYTHON.*"
)


class Programs:
    """Judges programs that are about to be started.

    environment: that of the run when the script begins.
    is_scripts: whether the script may have written a path.
    """

    def __init__(self, environment: Mapping[str, str], is_scripts: Callable[[str], bool]) -> None:
        self._environment, self._is_scripts = dict(environment), is_scripts

    def may_start(self, start: Start) -> bool:
        """Whether a start changes nothing, is a worker of this process, or is made by a compiler of torch's."""
        if not start.words:
            return False
        if self._is_trusted(_caller()):
            return True
        if not _is_shell(start):
            return self._only_looks(start) or _is_worker(start)
        if _SHELL.search(start.words[2]) or not self._is_installed(start):
            return False
        try:
            words = tuple(shlex.split(start.words[2]))
        except ValueError:
            return False
        return bool(words) and self._only_looks(replace(start, words=words, paths=()))

    def _is_trusted(self, caller: FrameType | None) -> bool:
        """Whether a compiler of torch's starts a program, and not a module of the script's that has its name."""
        if caller is None or not _is_from(_name(caller), _TRUSTED):
            return False
        return not self._is_scripts(os.path.realpath(caller.f_code.co_filename))

    def _only_looks(self, start: Start) -> bool:
        program, arguments = os.path.basename(start.program or start.words[0]), start.words[1:]
        if not self._is_installed(start) or self._is_diverted(start):
            return False
        if program == "git":
            return self._git_only_looks(start)
        if program in _LOOK_WITH:
            is_enough = bool(arguments) or program not in _NEED_ONE
            return is_enough and all(re.fullmatch(_LOOK_WITH[program], argument) for argument in arguments)
        return program in _LOOK

    def _is_installed(self, start: Start) -> bool:
        """Whether the file that will run is the system's or on the user's path; True if nothing will run."""
        name, program = start.words[0], start.program
        if program is None:
            return "/" not in name
        known = shutil.which(os.path.basename(program), path=self._environment.get("PATH", os.defpath))
        is_known = os.path.dirname(program) in _SYSTEM_FOLDERS or program == known
        return is_known and not self._is_scripts(os.path.realpath(program))

    def _is_diverted(self, start: Start) -> bool:
        names = {name for name in start.variables if _DIVERTING.fullmatch(name)}
        return any(start.variables[name] != self._environment.get(name) for name in names)

    def _git_only_looks(self, start: Start) -> bool:
        """Whether a command of git's only reads, in a repository whose settings the script has not written."""
        rest, folder = list(start.words[1:]), start.folder or os.getcwd()
        if any(argument.startswith("--output") for argument in rest):
            return False
        while len(rest) > 1 and rest[0] == "-C":
            folder, rest = os.path.join(folder, rest[1]), rest[2:]
        above = (folder, *map(str, Path(folder).parents))
        found = (os.path.join(part, name) for part in above for name in _OF_REPOSITORIES)
        repository = next(filter(os.path.lexists, found), None)
        if repository is not None and self._is_scripts(os.path.realpath(repository)):
            return False
        return bool(rest) and (rest[0] in _GIT or tuple(rest) == _GIT_BRANCH)


def library() -> str:
    """Return the installed library whose own line starts the program; nothing where it is a line of the user's."""
    frame = _caller()
    return _name(frame).split(".")[0] if frame is not None and is_installed(frame.f_code.co_filename) else ""


def _is_shell(start: Start) -> bool:
    return len(start.words) == 3 and os.path.basename(start.words[0]) in _SHELLS and start.words[1] == "-c"


def _is_worker(start: Start) -> bool:
    """Whether this is our own interpreter, started again by a pool of workers."""
    if start.program is None or not _is_python(start.program):
        return False
    words = iter(start.words[1:])
    for word in words:
        if word in ("-c", "-m"):
            value = next(words, "")
            return bool(_WORKER_CODE.fullmatch(value) if word == "-c" else re.fullmatch(_WORKERS, value))
        if not word.startswith("-"):
            return False  # a file: what comes after it are its arguments
        if word in _WITH_VALUE:
            next(words, None)
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
