"""Map a running frame to a place in the user's source.

Since Python 3.11 the interpreter has the exact span of each frame's current call (`co_positions`). The place of a
torch call is the innermost frame outside torch and `descend`: in the user's code, or in a library such as a Trainer.
"""

import dis
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from descend.doctor.instrumentation.call_expressions import call_ending
from descend.doctor.record import Site, is_installed

OPERATORS = frozenset(
    code for name, code in dis.opmap.items() if name.startswith(("BINARY_OP", "UNARY_", "COMPARE_OP"))
)
_FUNCTIONAL = (  # Frames of these modules come between those of an nn.Module and of the torch function that it calls.
    "torch.nn.functional",
    "torch.overrides",
    "descend.doctor.instrumentation.evaluation_losses",
    "descend.doctor.instrumentation.training_mode_calls",
)
DEPTH = 4  # number of source lines on the stack by which calls of the same function are distinguished
Lines = tuple[tuple[str, int], ...]  # (file, line number) pairs of the executing lines, innermost first
_PACKAGE = str(Path(__file__).parents[2])
_TORCH = os.path.dirname(torch.__file__)
_STANDARD = tuple({sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib")})


class SourceTree:
    """Decides which files belong to the script, and maps files of a scratch copy to the user's own files.

    files: the folder that replaces the root of the file system for a script in a scratch copy, or "".
    """

    def __init__(self, files: str = "") -> None:
        self.files = files
        self._transparent: dict[str, bool] = {}

    def original(self, file: str) -> str:
        """Return the path of the user's own file, given that of its copy in the scratch copy."""
        return file[len(self.files) :] if self.files and file.startswith(self.files + os.sep) else file

    def caller(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost frame at or above `frame` that is not in torch, the standard library or `descend`."""
        while frame is not None and self._is_transparent(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def in_script(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost frame that is not in torch, the standard library, `descend` or an installed package."""
        while (frame := self.caller(frame)) is not None and is_installed(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def lines(self, frame: FrameType | None) -> Lines:
        """Return (file, line number) of the four innermost frames outside torch, the standard library and `descend`."""
        found: list[tuple[str, int]] = []
        while (frame := self.caller(frame)) is not None and len(found) < DEPTH:
            found.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return tuple(found)

    def site(self, kind: str, key: str, span: "CallSpan | None", detail: str = "") -> Site | None:
        """Convert the position of a call to a `Site`, which describes a place in the user's source for reports."""
        if span is None:
            return None
        call = None if span.operator else call_ending(span.file, span.end_line, span.end_column)
        line, column = (call.line, call.column) if call else (span.line, span.column)
        place = (line, column, span.end_line, span.end_column)
        variable = call.variable if call else ""
        return Site(kind, key, self.original(span.file), *place, variable, span.function, detail)

    def is_of_script(self, file: str) -> bool:
        """Return whether a file does not belong to torch, the standard library or `descend`."""
        return not self._is_transparent(file)

    def _is_transparent(self, file: str) -> bool:
        """Return whether a file belongs to torch, the standard library or `descend`, so that its frames are skipped."""
        known = self._transparent.get(file)
        if known is None:
            ours = file.startswith((_PACKAGE + os.sep, _TORCH + os.sep, "<"))
            standard = file.startswith(_STANDARD) and f"{os.sep}site-packages{os.sep}" not in file
            known = self._transparent[file] = ours or standard
        return known


@dataclass(frozen=True)
class CallSpan:
    """The position in the source of the call that a frame is executing. It takes little time to create."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str
    operator: bool = False  # An operator such as `a - b` may end at the same position as a call.


def call_span(frame: FrameType | None) -> CallSpan | None:
    """Return the position in the source of the call that `frame` is executing."""
    if frame is None:
        return None
    code = frame.f_code
    positions = next(islice(code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    line, end_line, column, end_column = positions
    line = line or frame.f_lineno or 0
    name = "" if code.co_name == "<module>" else code.co_name
    operator = code.co_code[frame.f_lasti] in OPERATORS
    return CallSpan(code.co_filename, line, column or 0, end_line or line, end_column or 0, name, operator)


def outermost_module(frame: FrameType | None) -> tuple[Any, FrameType | None]:
    """Return the outermost `nn.Module` that is being called on the stack of `frame`, and the frame that calls it."""
    call = outermost_call(frame)
    return (None, None) if call is None else (_first_argument(call), call.f_back)


def outermost_call(frame: FrameType | None) -> FrameType | None:
    """Return the frame in which the outermost `nn.Module` on the stack of `frame` is being called."""
    found = None
    while frame is not None:
        if frame.f_code.co_name == "_wrapped_call_impl":
            found = frame
        frame = frame.f_back
    return found


def running_module(caller: FrameType | None) -> Any:
    """Return the module whose `forward` makes a torch call, given the call's `original_caller`; else None."""
    return _first_argument(caller) if caller is not None and caller.f_code.co_name == "forward" else None


def original_caller(frame: FrameType | None) -> FrameType | None:
    """Return the frame that makes a torch call, given that of a function that may only make the call again.

    Torch function modes make a call again. A mode may be active in a few steps only, but the caller is always the same.
    """
    while frame is not None and (
        frame.f_code.co_name == "__torch_function__" or frame.f_globals.get("__name__") in _FUNCTIONAL
    ):
        frame = frame.f_back
    return frame


def is_in_forward(frame: FrameType | None) -> bool:
    """Return whether `frame` or one of its callers is a module's forward pass."""
    while frame is not None:
        if frame.f_code.co_name == "_wrapped_call_impl":
            return True
        frame = frame.f_back
    return False


def is_in_autograd(frame: FrameType | None) -> bool:
    """Return whether autograd is running a custom function or recomputing a checkpointed forward pass."""
    return is_within(frame, "torch.autograd.function", "torch.autograd.graph")


def is_within(frame: FrameType | None, *modules: str) -> bool:
    """Return whether `frame` or one of its callers runs a function of one of these Python modules."""
    while frame is not None:
        if frame.f_globals.get("__name__") in modules:
            return True
        frame = frame.f_back
    return False


def constructor_caller(frame: FrameType | None, made: object) -> FrameType | None:
    """Return the frame that constructs the object `made`, outside its constructor and those of its base classes."""
    found = frame
    while frame is not None:
        if frame.f_code.co_name == "__init__" and _first_argument(frame) is made:
            found = frame.f_back
        elif frame.f_code.co_name == "__call__" and found is frame and isinstance(_first_argument(frame), type):
            found = frame.f_back  # A metaclass's `__call__` calls the constructor.
        elif found is not frame:
            break
        frame = frame.f_back
    return found


def variables_in(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of a frame's local variables, its `self`'s attributes and its global variables."""
    local = frame.f_locals
    yield from local.items()
    if (owner := local.get("self")) is not None:
        attributes = {**getattr(owner, "__dict__", {}), **getattr(owner, "_modules", {})}
        yield from ((f"self.{name}", value) for name, value in attributes.items())
    yield from frame.f_globals.items()


def variable_of(module: nn.Module, frame: FrameType) -> str:
    """Return the variable in a frame's scope that holds a module, or a module that wraps only it; "" without one."""
    return next((name for name, held in variables_in(frame) if _is_or_wraps(held, module)), "")


def parameters_of(frame: FrameType) -> tuple[str, ...]:
    """Return the names of the parameters of a frame's function."""
    code = frame.f_code
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _is_or_wraps(held: Any, module: nn.Module) -> bool:
    """Return whether a value is the module, or a module whose only part is the module, such as an `AveragedModel`."""
    return held is module or (isinstance(held, nn.Module) and [*held.children()] == [module])


def _first_argument(frame: FrameType) -> Any:
    """Return the first argument of a frame's function, usually `self`."""
    # Only frames that end soon may be read, because f_locals keeps objects alive as long as the frame exists.
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
