"""Print the script's traceback as plain Python would: with the user's own paths and without our frames."""

import io
import os
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path
from types import FrameType, TracebackType

from descend.doctor.instrumentation.compilation import USER_PACKAGES
from descend.doctor.script.notebook import SUFFIX, cell_position

_OURS = str(Path(os.path.abspath(__file__)).parents[2]) + os.sep
_USER_PACKAGES = tuple(_OURS + part.replace(".", os.sep) for part in USER_PACKAGES)
_NOTEBOOK_LINE = re.compile(rf'(File "(.*{re.escape(SUFFIX)})"), line (\d+)')
# the function in torch/overrides.py that passes a torch call to the function modes
_DISPATCH = "handle_torch_function"


def print_error(error: BaseException, files: str) -> str:
    """Print the script's error as Python would, using its own `sys.excepthook` if it has set one; return the text.

    `files` replaces the root of the file system for a script in a scratch copy; "" without a copy.
    """
    strip_own_frames(error)
    text = _NOTEBOOK_LINE.sub(_as_cell_position, _traceback_text(error))
    text = text.replace(files + os.sep, os.sep) if files else text
    if sys.excepthook is sys.__excepthook__:
        _print_to_stderr(text)
        return text
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as another:
        strip_own_frames(another)
        _print_to_stderr(f"Error in sys.excepthook:\n{_traceback_text(another)}\nOriginal exception was:\n{text}")
    return text


def strip_own_frames(error: BaseException) -> None:
    """Remove the frames of `descend` from the tracebacks of an exception and its causes."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_own_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _traceback_text(error: BaseException) -> str:
    """Return the text that Python prints for an uncaught error."""
    buffer = io.StringIO()
    with redirect_stderr(buffer):
        sys.__excepthook__(type(error), error, error.__traceback__)
    return buffer.getvalue()


def _as_cell_position(found: re.Match[str]) -> str:
    """Convert a line number in a notebook's joined cells to the notebook cell and the line in this cell."""
    try:
        with open(found[2], encoding="utf-8") as source:
            cell, line = cell_position(source.read(), int(found[3]))
    except OSError:
        return found[0]
    return f"{found[1]}, cell {cell}, line {line}"


def _print_to_stderr(text: str) -> None:
    """Print a text to standard error, if it is open."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):  # Standard error is closed or replaced.
        return


def _without_own_frames(tb: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of `descend`."""
    kept: list[TracebackType] = []
    for this in _traceback_entries(tb):
        if not _is_own_frame(this.tb_frame):
            kept.append(this)
        elif kept and kept[-1].tb_frame.f_code.co_name == _DISPATCH:
            del kept[-2:]  # Torch called its dispatch function only because of our tape.
    for this, following in zip(kept, [*kept[1:], None]):
        this.tb_next = following
    return kept[0] if kept else None


def _traceback_entries(tb: TracebackType | None) -> list[TracebackType]:
    """Return the entries of a traceback, outermost first."""
    frames = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    return frames


def _is_own_frame(frame: FrameType) -> bool:
    """Return whether a frame belongs to `descend`, except the packages that users import."""
    file = os.path.abspath(frame.f_code.co_filename)
    return file.startswith(_OURS) and not file.startswith(_USER_PACKAGES)
