"""From a running frame to a place in the user's source.

The interpreter knows the exact span of the call that a frame is in (`co_positions`, Python 3.11), so a site needs
no guessing from line numbers.
"""

import ast
import linecache
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from descend.record import Site

_PACKAGE = str(Path(__file__).parents[1])
_LIBRARIES = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")})


class SourceTree:
    """Which files are the user's, and where they lie in the user's own tree.

    The script may run in a scratch copy: `copy` is where it runs, `root` where the user has it.
    """

    def __init__(self, root: str, copy: str) -> None:
        self.root, self.copy = root, copy

    def original(self, file: str) -> str:
        """Return the path in the user's tree of a file that runs in the copy."""
        return self.root + file[len(self.copy) :] if file.startswith(self.copy + "/") else file

    def is_users(self, file: str) -> bool:
        """Whether a code object's file is the user's own, not a library's and not ours."""
        if file.startswith((_PACKAGE, "<frozen", "<string", *_LIBRARIES)) or "/site-packages/" in file:
            return False
        return file.startswith((self.root + "/", self.copy + "/")) or not file.startswith(sys.prefix + "/")

    def caller(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost frame of the user's at or above `frame`."""
        while frame is not None and not self.is_users(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def site(self, kind: str, key: str, span: "CallSpan | None", detail: str = "") -> Site | None:
        """Return the site of a call."""
        if span is None:
            return None
        variable = _assigned(span.file, span.line, span.column)
        place = (span.line, span.column, span.end_line, span.end_column)
        return Site(kind, key, self.original(span.file), *place, variable, span.function, detail)


@dataclass(frozen=True)
class CallSpan:
    """Where in its file a frame's current call stands: cheap to take, turned into a `Site` when it is needed."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str


def call_span(frame: FrameType | None) -> CallSpan | None:
    """Return the span of the call that `frame` is executing."""
    if frame is None:
        return None
    code = frame.f_code
    positions = next(islice(code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    line, end_line, column, end_column = positions
    line = line or frame.f_lineno or 0
    name = "" if code.co_name == "<module>" else code.co_name
    return CallSpan(code.co_filename, line, column or 0, end_line or line, end_column or 0, name)


def outermost_module(frame: FrameType | None) -> tuple[Any, FrameType | None]:
    """Return the outermost `nn.Module` being called above `frame`, and the frame that calls it."""
    module, caller = None, None
    while frame is not None:
        if frame.f_code.co_name == "_wrapped_call_impl":
            module, caller = _first_argument(frame), frame.f_back
        frame = frame.f_back
    return module, caller


def running_module(frame: FrameType | None) -> Any:
    """Return what the innermost `forward` at or above torch's functional code belongs to."""
    while frame is not None and frame.f_globals.get("__name__") in ("torch.nn.functional", "torch.overrides"):
        frame = frame.f_back
    return _first_argument(frame) if frame is not None and frame.f_code.co_name == "forward" else None


def constructor_caller(frame: FrameType | None, made: object) -> FrameType | None:
    """Return the frame that called the outermost `__init__` of `made` (subclasses call upwards)."""
    found = frame
    while frame is not None:
        if frame.f_code.co_name == "__init__" and _first_argument(frame) is made:
            found = frame.f_back
        elif frame.f_code.co_name == "__call__" and found is frame:
            found = frame.f_back  # a metaclass's call
        elif found is not frame:
            break
        frame = frame.f_back
    return found


def _first_argument(frame: FrameType) -> Any:
    # Only frames of short-lived calls are asked: f_locals keeps what it has copied alive as long as the frame.
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


@cache
def _tree(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


@cache
def _assigned(file: str, line: int, column: int) -> str:
    """Return the target of the assignment whose value contains that position; the innermost one."""
    tree, found = _tree(file), ""
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) or node.value is None:
            continue
        value = node.value
        begins = (value.lineno, value.col_offset) <= (line, column)
        if begins and (line, column) <= (value.end_lineno or 0, value.end_col_offset or 0):
            found = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    return found
