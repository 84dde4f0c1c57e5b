"""What an audit event is about to start: the program that will really run, its arguments, and its environment."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from descend.doctor.sandbox.unaudited import STARTS_PROGRAM

# `subprocess.Popen` is audited with a name to be searched for; what it calls in the end has the paths.
STARTS = (STARTS_PROGRAM, "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn")


@dataclass(frozen=True)
class Start:
    """A program that is about to be started."""

    words: tuple[str, ...]  # the program as its caller names it, and its arguments
    paths: tuple[str, ...] = ()  # the first that can be executed runs; without any, the program as it is named
    environment: Mapping[str, str] | None = None  # None: that of this process
    folder: str = ""  # where it starts; this process's own if empty

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment that it will have."""
        return os.environ if self.environment is None else self.environment

    @property
    def command(self) -> list[str]:
        """The words for a report: first what will run, if its caller gives it another name."""
        named, given = self.words[:1], (self.paths or self.words)[:1]
        is_same = list(map(os.path.basename, named)) == list(map(os.path.basename, given))
        return [*(named if is_same else given), *self.words[1:]]

    @property
    def program(self) -> str | None:
        """The file that will run; None if no file is found."""
        return next(filter(None, map(self.found, self.paths or self.words[:1])), None)

    def found(self, name: str) -> str | None:
        """Return the file that a name leads to in the environment and the folder of this start."""
        if "/" in name:
            path = os.path.join(self.folder or os.getcwd(), name)
            return path if os.access(path, os.X_OK) and not os.path.isdir(path) else None
        return shutil.which(name, path=self.variables.get("PATH", os.defpath))


def start_of(event: str, arguments: Sequence[Any]) -> Start:
    """Return what an audit event is about to start."""
    if event == "os.system":
        return Start(("sh", "-c", os.fsdecode(arguments[0])), ("/bin/sh",))
    if event == "pty.spawn":
        return Start(_texts(arguments[0]))
    if event == STARTS_PROGRAM:
        words, paths, environment = arguments[0], arguments[1], arguments[5]
        folder = "" if arguments[4] is None else os.fsdecode(arguments[4])
        return Start(_texts(words), _texts(paths), _variables(environment), folder)
    path, words, environment = arguments[1:4] if event == "os.spawn" else arguments[:3]
    return Start(_texts(words), (os.fsdecode(path),), _variables(environment))


def _texts(words: Any) -> tuple[str, ...]:
    given = [words] if isinstance(words, str | bytes) else words or ()
    return tuple(map(os.fsdecode, given))


def _variables(given: Any) -> dict[str, str] | None:
    """Return an environment as text: it is given as a mapping, or as a sequence of `NAME=value`."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()}
    pairs = (os.fsdecode(item).partition("=") for item in given)
    return {name: value for name, _, value in pairs}
