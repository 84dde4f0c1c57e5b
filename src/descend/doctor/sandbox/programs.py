"""Decide which programs an examined script may start: read-only programs, workers, and torch's compilers.

A list of names cannot prove that a program is harmless, so it is short; all other programs are refused.
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

from descend.doctor.record.messages import is_installed
from descend.doctor.sandbox.starts import Start

# Programs that only read, whatever their arguments are.
_READ_ONLY = frozenset(
    "uname lscpu nproc objdump readelf which id whoami getconf free tput locale "
    "ls cat echo true false sleep pwd".split()
)
# Programs that only read if each of their arguments matches the pattern.
_READ_ONLY_WITH = {
    "hostname": r"-[fisdIA]",
    "ldconfig": r"-p",
    "lspci": r"-[bDdkmnstvx]+|[\w:.*]+",  # other options may send DNS requests and store the answers
    "file": r"-b|-L|--brief|[^-].*",
    "nvidia-smi": r"--(query|format|id|list-gpus)\b.*|-[qxLi]|\d[\d,]*|csv\S*",
    "rocm-smi": r"--show\w+",
    "stty": r"size|-a",
    "sysctl": r"-n|[\w.]+",
}
_NEED_ONE = frozenset({"ldconfig"})  # programs in this table that change something if called without arguments
_GIT = frozenset({"rev-parse", "describe", "log", "show", "diff", "status", "ls-files", "rev-list", "version"})
_REPOSITORY_ENTRIES = (".git", "HEAD")  # names that only a git repository contains; a bare repository contains HEAD
_GIT_BRANCH = ("branch", "--show-current")
_SHELLS = ("sh", "bash", "dash")
_SYSTEM_FOLDERS = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")

# Modules that compile code or query the machine; the programs that they start are allowed.
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
_PASS_THROUGH = frozenset({"subprocess", "os", "pty", "concurrent.futures.process"})
_WORKERS = r"(?:multiprocessing|joblib\.externals\.loky|loky|torch\._inductor)(?:\.\w+)*"
_WORKER_CODE = re.compile(  # the `python -c` code of a worker process: an import and a single call
    rf"from {_WORKERS} import (main|spawn_main); ?\1\([\w\s=,.'\"/:\[\]{{}}*-]*\)"
)
_WITH_VALUE = frozenset({"-X", "-W"})  # options of python whose value is the next word
_SHELL = re.compile(r"[;|&<>$`\\\n(){}*?~#\[\]!]")  # a character with a special meaning in a shell
# Environment variables that make a program run other programs or read other settings.
_INFLUENTIAL_VARIABLES = re.compile(
    r"LD_.*|GIT_.*|.*PAGER|.*EDITOR|PATH|HOME|XDG_CONFIG_.*|BASH_ENV|ENV|IFS|SHELLOPTS|GCONV_PATH|LESSOPEN|PYTHON.*"
)


class ProgramPolicy:
    """Decides which programs an examined script may start.

    environment: environment variables at the start of the script.
    is_scripts: returns whether the script may have written a path.
    """

    def __init__(self, environment: Mapping[str, str], is_scripts: Callable[[str], bool]) -> None:
        self._environment, self._is_scripts = dict(environment), is_scripts

    def may_start(self, start: Start) -> bool:
        """Return whether a program may start: it only reads, is a worker, or is started by torch's compilers."""
        if not start.words:
            return False
        if self._is_trusted(_find_calling_frame()):
            return True
        if not _is_shell(start):
            return self._is_read_only(start) or _is_worker(start)
        if _SHELL.search(start.words[2]) or not self._is_installed(start):
            return False
        try:
            words = tuple(shlex.split(start.words[2]))
        except ValueError:
            return False
        return bool(words) and self._is_read_only(replace(start, words=words, paths=()))

    def _is_trusted(self, caller: FrameType | None) -> bool:
        """Return whether a trusted module starts the program. A script's module of the same name is not trusted."""
        if caller is None or not _belongs_to_packages(_module_name(caller), _TRUSTED):
            return False
        return not self._is_scripts(os.path.realpath(caller.f_code.co_filename))

    def _is_read_only(self, start: Start) -> bool:
        """Return whether the program is installed and only reads files, with these arguments."""
        program, arguments = os.path.basename(start.program or start.words[0]), start.words[1:]
        if not self._is_installed(start) or self._has_changed_environment(start):
            return False
        if program == "git":
            return self._is_read_only_git(start)
        if program in _READ_ONLY_WITH:
            is_enough = bool(arguments) or program not in _NEED_ONE
            return is_enough and all(re.fullmatch(_READ_ONLY_WITH[program], argument) for argument in arguments)
        return program in _READ_ONLY

    def _is_installed(self, start: Start) -> bool:
        """Return whether the program is a system program or on the user's PATH; True if no such program exists."""
        name, program = start.words[0], start.program
        if program is None:
            return "/" not in name
        known = shutil.which(os.path.basename(program), path=self._environment.get("PATH", os.defpath))
        is_known = os.path.dirname(program) in _SYSTEM_FOLDERS or program == known
        return is_known and not self._is_scripts(os.path.realpath(program))

    def _has_changed_environment(self, start: Start) -> bool:
        """Return whether the script has changed variables that can make the program run other programs."""
        names = {name for name in start.variables if _INFLUENTIAL_VARIABLES.fullmatch(name)}
        return any(start.variables[name] != self._environment.get(name) for name in names)

    def _is_read_only_git(self, start: Start) -> bool:
        """Return whether a git command only reads, in a repository whose settings the script has not written."""
        rest, folder = list(start.words[1:]), start.folder or os.getcwd()
        if any(argument.startswith("--output") for argument in rest):
            return False
        while len(rest) > 1 and rest[0] == "-C":
            folder, rest = os.path.join(folder, rest[1]), rest[2:]
        above = (folder, *map(str, Path(folder).parents))
        found = (os.path.join(part, name) for part in above for name in _REPOSITORY_ENTRIES)
        repository = next(filter(os.path.lexists, found), None)
        if repository is not None and self._is_scripts(os.path.realpath(repository)):
            return False
        return bool(rest) and (rest[0] in _GIT or tuple(rest) == _GIT_BRANCH)


def starting_library() -> str:
    """Return the name of the installed library that starts the program; "" if the user's code starts it."""
    frame = _find_calling_frame()
    return _module_name(frame).split(".")[0] if frame is not None and is_installed(frame.f_code.co_filename) else ""


def _is_shell(start: Start) -> bool:
    """Return whether the program is a shell that runs a single command line: `sh -c LINE`."""
    return len(start.words) == 3 and os.path.basename(start.words[0]) in _SHELLS and start.words[1] == "-c"


def _is_worker(start: Start) -> bool:
    """Return whether the program is this Python interpreter, started as a worker process of a pool."""
    if start.program is None or not _is_python(start.program):
        return False
    words = iter(start.words[1:])
    for word in words:
        if word in ("-c", "-m"):
            value = next(words, "")
            return bool(_WORKER_CODE.fullmatch(value) if word == "-c" else re.fullmatch(_WORKERS, value))
        if not word.startswith("-"):
            return False  # this is the file of a script, followed by the script's arguments
        if word in _WITH_VALUE:
            next(words, None)
    return False


def _is_python(program: str) -> bool:
    """Return whether a program is the Python interpreter of this process."""
    return os.path.realpath(program) == os.path.realpath(sys.executable)


def _belongs_to_packages(module: str, packages: Sequence[str]) -> bool:
    """Return whether a module is one of the packages or a submodule of one of them."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def _find_calling_frame() -> FrameType | None:
    """Return the stack frame of the code that starts the program, outside the standard library and the sandbox."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name = _module_name(frame)
        if name not in _PASS_THROUGH and not name.startswith(("descend.doctor.execution.", "descend.doctor.sandbox.")):
            return frame
        frame = frame.f_back
    return None


def _module_name(frame: FrameType | None) -> str:
    """Return the name of the module whose code a stack frame runs; "" if the frame is None."""
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))
