"""From a running frame to a place in the source.

The interpreter knows the exact span of the call that a frame is in (`co_positions`, Python 3.11), so a site needs
no guessing from line numbers. The place of a call is where torch is called from: a line of the user's, or one of
a library's (a Trainer); torch's own layers and ours are looked through.
"""

import dis
import os
import sysconfig
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from descend.doctor.observing.calls import call_ending
from descend.doctor.record import Site, is_installed

OPERATORS = frozenset(
    code for name, code in dis.opmap.items() if name.startswith(("BINARY_OP", "UNARY_", "COMPARE_OP"))
)
_FUNCTIONAL = (  # between a module and its call
    "torch.nn.functional",
    "torch.overrides",
    "descend.doctor.observing.evaluation_losses",
    "descend.doctor.observing.modes",
)
DEPTH = 4  # lines that tell two calls of one function apart
Lines = tuple[tuple[str, int], ...]  # files and line numbers, innermost first
_PACKAGE = str(Path(__file__).parents[2])
_TORCH = os.path.dirname(torch.__file__)
_STANDARD = tuple({sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib")})


class SourceTree:
    """Which frames are looked through, and where a file lies in the user's own tree.

    The script may run in a scratch copy: `files` is the folder that stands for the root of the file system.
    """

    def __init__(self, files: str = "") -> None:
        self.files = files
        self._transparent: dict[str, bool] = {}

    def original(self, file: str) -> str:
        """Return the path in the user's tree of a file that runs in the copy."""
        return file[len(self.files) :] if self.files and file.startswith(self.files + os.sep) else file

    def caller(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost frame at or above `frame` that is neither torch's, nor Python's, nor ours."""
        while frame is not None and self._is_transparent(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def in_script(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost of those frames that is in no installed library."""
        while (frame := self.caller(frame)) is not None and is_installed(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def lines(self, frame: FrameType | None) -> Lines:
        """Return the innermost lines that are being executed, torch's, Python's and ours aside."""
        found: list[tuple[str, int]] = []
        while (frame := self.caller(frame)) is not None and len(found) < DEPTH:
            found.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return tuple(found)

    def site(self, kind: str, key: str, span: "CallSpan | None", detail: str = "") -> Site | None:
        """Return the site of a call."""
        if span is None:
            return None
        call = None if span.operator else call_ending(span.file, span.end_line, span.end_column)
        line, column = (call.line, call.column) if call else (span.line, span.column)
        place = (line, column, span.end_line, span.end_column)
        variable = call.variable if call else ""
        return Site(kind, key, self.original(span.file), *place, variable, span.function, detail)

    def is_of_script(self, file: str) -> bool:
        """Whether a file is neither torch's, nor Python's, nor ours."""
        return not self._is_transparent(file)

    def _is_transparent(self, file: str) -> bool:
        known = self._transparent.get(file)
        if known is None:
            ours = file.startswith((_PACKAGE + os.sep, _TORCH + os.sep, "<"))
            standard = file.startswith(_STANDARD) and f"{os.sep}site-packages{os.sep}" not in file
            known = self._transparent[file] = ours or standard
        return known


@dataclass(frozen=True)
class CallSpan:
    """Where in its file a frame's current call stands: cheap to take, turned into a `Site` when it is needed."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str
    operator: bool = False  # `a - b`: another call may end where it ends


def call_span(frame: FrameType | None) -> CallSpan | None:
    """Return the span of the call that `frame` is executing."""
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
    """Return the outermost `nn.Module` being called above `frame`, and the frame that calls it."""
    call = outermost_call(frame)
    return (None, None) if call is None else (_first_argument(call), call.f_back)


def outermost_call(frame: FrameType | None) -> FrameType | None:
    """Return the frame of `nn.Module.__call__` of the outermost module being called above `frame`."""
    found = None
    while frame is not None:
        if frame.f_code.co_name == "_wrapped_call_impl":
            found = frame
        frame = frame.f_back
    return found


def running_module(frame: FrameType | None) -> Any:
    """Return what the innermost `forward` at or above torch's functional code belongs to."""
    while frame is not None and frame.f_globals.get("__name__") in _FUNCTIONAL:
        frame = frame.f_back
    return _first_argument(frame) if frame is not None and frame.f_code.co_name == "forward" else None


def is_in_forward(frame: FrameType | None) -> bool:
    """Whether a module's forward pass is under way in `frame` or above it."""
    while frame is not None:
        if frame.f_code.co_name == "_wrapped_call_impl":
            return True
        frame = frame.f_back
    return False


def is_in_autograd(frame: FrameType | None) -> bool:
    """Whether autograd is under way: a function's forward pass, or a backward pass that computes one again."""
    return is_within(frame, "torch.autograd.function", "torch.autograd.graph")


def is_within(frame: FrameType | None, *modules: str) -> bool:
    """Whether a function of one of the modules is running in `frame` or above it."""
    while frame is not None:
        if frame.f_globals.get("__name__") in modules:
            return True
        frame = frame.f_back
    return False


def constructor_caller(frame: FrameType | None, made: object) -> FrameType | None:
    """Return the frame that called the outermost `__init__` of `made` (subclasses call upwards)."""
    found = frame
    while frame is not None:
        if frame.f_code.co_name == "__init__" and _first_argument(frame) is made:
            found = frame.f_back
        elif frame.f_code.co_name == "__call__" and found is frame and isinstance(_first_argument(frame), type):
            found = frame.f_back  # a metaclass's call
        elif found is not frame:
            break
        frame = frame.f_back
    return found


def _first_argument(frame: FrameType) -> Any:
    # Only frames of short-lived calls are asked: f_locals keeps what it has copied alive as long as the frame.
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
