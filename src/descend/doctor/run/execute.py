"""Runs a file as `__main__` in this process, as `python FILE` or `python -m MODULE` would."""

import builtins
import importlib.util
import io
import os
import sys
import threading
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader

from descend.doctor.observing.traceback import show
from descend.doctor.run.namesake import make_way_for_namesake
from descend.doctor.script.notebook import SUFFIX


@dataclass(frozen=True)
class Program:
    """What is to be run: a file, by its name or as a module."""

    path: str
    root: str  # the working directory
    module: str | None
    arguments: list[str]
    files: str = ""  # the folder that stands for the root of the file system, if any


def execute(program: Program, main_ended: Callable[[int, str], None] = lambda status, text: None) -> tuple[int, str]:
    """Run the program to its end; return its exit status and its traceback, "" where it did not raise.

    main_ended: called with both when the main thread has ended, before the other threads are waited for.
    """
    sys.argv = [program.path if program.module else os.path.relpath(program.path), *program.arguments]
    if not sys.flags.safe_path:
        folder = program.root if program.module else os.path.dirname(os.path.realpath(program.path))
        sys.path.insert(0, folder)
    make_way_for_namesake()
    try:
        code, module = _prepare(program)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as leaving:
        status, text = _status(leaving), ""
    except KeyboardInterrupt as error:
        status, text = 130, show(error, program.files)
    except BaseException as error:
        status, text = 1, show(error, program.files)
    else:
        status, text = 0, ""
    main_ended(status, text)
    _wait_for_threads(program)
    return status, text


def _wait_for_threads(program: Program) -> None:
    """Wait as python itself does at this point: for threads that still train; those of a pool are asked to end."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as error:  # Ctrl-C; python says so and ends with the status that it has
        print(f"Exception ignored in: {threading!r}", file=sys.stderr)
        show(error, program.files)


def _prepare(program: Program) -> tuple[types.CodeType, types.ModuleType]:
    module = types.ModuleType("__main__")
    module.__loader__ = SourceFileLoader("__main__", program.path)
    module.__dict__.update(__file__=program.path, __builtins__=builtins, __annotations__={}, __cached__=None)
    if program.path.endswith(SUFFIX):
        module.__dict__["display"] = print  # IPython's, which every notebook has
    if program.module is not None:
        name = program.module
        if os.path.basename(program.path) == "__main__.py" and name.rpartition(".")[2] != "__main__":
            name += ".__main__"
        module.__spec__ = importlib.util.find_spec(name)
        module.__package__ = name.rpartition(".")[0]
    with io.open_code(program.path) as file:
        return compile(file.read(), program.path, "exec", dont_inherit=True), module


def _status(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return int(leaving.code or 0)
    with suppress(Exception):  # of its text, or of what the script has put in the place of the stream: as python does
        print(leaving.code, file=sys.stderr)
    return 1
