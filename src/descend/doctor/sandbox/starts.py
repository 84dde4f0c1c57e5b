"""Read from an audit event which program is about to start, with its arguments and environment."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from descend.doctor.sandbox.unaudited import STARTS_PROGRAM

# The audit event of `subprocess.Popen` has only the program's name. The function that `Popen` calls also gets the
# possible paths of the program.
STARTS = (STARTS_PROGRAM, "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn")


@dataclass(frozen=True)
class Start:
    """A program that is about to be started, with its arguments, environment and folder."""

    words: tuple[str, ...]  # the program's name as the caller passes it, followed by the arguments
    paths: tuple[
        str, ...
    ] = ()  # possible paths, of which the first executable file runs; without them, PATH is searched
    environment: Mapping[str, str] | None = (
        None  # the program's environment variables; None means those of this process
    )
    folder: str = ""  # the program's working directory; "" means that of this process

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables of the program."""
        return os.environ if self.environment is None else self.environment

    @property
    def command(self) -> list[str]:
        """The command line for a report. If the caller passes a false name, it begins with the file that runs."""
        named, given = self.words[:1], (self.paths or self.words)[:1]
        is_same = list(map(os.path.basename, named)) == list(map(os.path.basename, given))
        return [*(named if is_same else given), *self.words[1:]]

    @property
    def program(self) -> str | None:
        """The file that will run; None if no executable file is found."""
        return next(filter(None, map(self.find_executable, self.paths or self.words[:1])), None)

    def find_executable(self, name: str) -> str | None:
        """Return the path of the executable file with this name on the program's own PATH or in its folder, or None."""
        if "/" in name:
            path = os.path.join(self.folder or os.getcwd(), name)
            return path if os.access(path, os.X_OK) and not os.path.isdir(path) else None
        return shutil.which(name, path=self.variables.get("PATH", os.defpath))


def read_start(event: str, arguments: Sequence[Any]) -> Start:
    """Return the program that is about to be started, read from an audit event and its arguments."""
    if event == "os.system":
        return Start(("sh", "-c", os.fsdecode(arguments[0])), ("/bin/sh",))
    if event == "pty.spawn":
        return Start(_decode_words(arguments[0]))
    if event == STARTS_PROGRAM:
        words, paths, environment = arguments[0], arguments[1], arguments[5]
        folder = "" if arguments[4] is None else os.fsdecode(arguments[4])
        return Start(_decode_words(words), _decode_words(paths), _decode_variables(environment), folder)
    path, words, environment = arguments[1:4] if event == "os.spawn" else arguments[:3]
    return Start(_decode_words(words), (os.fsdecode(path),), _decode_variables(environment))


def _decode_words(words: Any) -> tuple[str, ...]:
    """Convert one word, or a sequence of words, to a tuple of strings. A word may be a string or bytes."""
    given = [words] if isinstance(words, str | bytes) else words or ()
    return tuple(map(os.fsdecode, given))


def _decode_variables(given: Any) -> dict[str, str] | None:
    """Convert environment variables, a mapping or a sequence of `NAME=value`, to a dict; return None for None."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()}
    pairs = (os.fsdecode(item).partition("=") for item in given)
    return {name: value for name, _, value in pairs}
