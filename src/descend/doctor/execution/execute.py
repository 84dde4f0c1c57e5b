"""Run a file as `__main__` in this process, as `python FILE` or `python -m MODULE` does."""

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

from descend.doctor.execution.namesake import make_way_for_namesake
from descend.doctor.instrumentation.script_traceback import print_error
from descend.doctor.script.notebook import SUFFIX


@dataclass(frozen=True)
class Program:
    """A Python program to run: a file that is started by its path or as a module."""

    path: str
    root: str  # the working directory
    module: str | None
    arguments: list[str]
    files: str = ""  # folder in the scratch copy that represents the root of the file system; "" without a copy


def execute(program: Program, main_ended: Callable[[int, str], None] = lambda status, text: None) -> tuple[int, str]:
    """Run the program to its end; return its exit status and its traceback ("" if it raised no error).

    main_ended: called with status and traceback when the main thread has ended, before other threads are awaited.
    """
    sys.argv = [program.path if program.module else os.path.relpath(program.path), *program.arguments]
    if not sys.flags.safe_path:
        folder = program.root if program.module else os.path.dirname(os.path.realpath(program.path))
        sys.path.insert(0, folder)
    make_way_for_namesake()
    try:
        code, module = _compile_program(program)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as leaving:
        status, text = _exit_status(leaving), ""
    except KeyboardInterrupt as error:
        status, text = 130, print_error(error, program.files)
    except BaseException as error:
        status, text = 1, print_error(error, program.files)
    else:
        status, text = 0, ""
    main_ended(status, text)
    _wait_for_threads(program)
    return status, text


def _wait_for_threads(program: Program) -> None:
    """Wait for the script's other threads and end the threads of its pools, as python does before it exits."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as error:  # on Ctrl-C, python prints this line and keeps its exit status
        print(f"Exception ignored in: {threading!r}", file=sys.stderr)
        print_error(error, program.files)


def _compile_program(program: Program) -> tuple[types.CodeType, types.ModuleType]:
    """Return the compiled program and the module `__main__` in which it runs."""
    module = types.ModuleType("__main__")
    module.__loader__ = SourceFileLoader("__main__", program.path)
    module.__dict__.update(__file__=program.path, __builtins__=builtins, __annotations__={}, __cached__=None)
    if program.path.endswith(SUFFIX):
        module.__dict__["display"] = print  # notebooks may call IPython's `display` without an import
    if program.module is not None:
        name = program.module
        if os.path.basename(program.path) == "__main__.py" and name.rpartition(".")[2] != "__main__":
            name += ".__main__"
        module.__spec__ = importlib.util.find_spec(name)
        module.__package__ = name.rpartition(".")[0]
    with io.open_code(program.path) as file:
        return compile(file.read(), program.path, "exec", dont_inherit=True), module


def _exit_status(leaving: SystemExit) -> int:
    """Return the exit status of a `SystemExit`; print its message, if it has one, as python does."""
    if leaving.code is None or isinstance(leaving.code, int):
        return int(leaving.code or 0)
    with suppress(Exception):  # python also ignores an error while it prints the message
        print(leaving.code, file=sys.stderr)
    return 1
