"""The script's traceback as plain python would show it: its own paths, and no frame of ours."""

import io
import os
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path
from types import FrameType, TracebackType

from descend.doctor.observing.compilation import PARTS
from descend.doctor.script.notebook import SUFFIX, place

_OURS = str(Path(os.path.abspath(__file__)).parents[2]) + os.sep
_PARTS = tuple(_OURS + part.replace(".", os.sep) for part in PARTS)
_NOTEBOOK_LINE = re.compile(rf'(File "(.*{re.escape(SUFFIX)})"), line (\d+)')
_DISPATCH = "handle_torch_function"  # torch/overrides.py: how a Python function of torch gets to a function mode


def show(error: BaseException, files: str) -> str:
    """Print the error as python would, by the script's own hook where it has one, and return the text.

    `files` is the folder that stands for the root of the file system; "" where there is none.
    """
    strip(error)
    text = _NOTEBOOK_LINE.sub(_in_its_cell, _text(error))
    text = text.replace(files + os.sep, os.sep) if files else text
    if sys.excepthook is sys.__excepthook__:
        _print(text)
        return text
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as another:
        strip(another)
        _print(f"Error in sys.excepthook:\n{_text(another)}\nOriginal exception was:\n{text}")
    return text


def strip(error: BaseException) -> None:
    """Take our own frames out of an exception's traceback, and out of those that it was raised from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_ours(current.__traceback__)
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _text(error: BaseException) -> str:
    buffer = io.StringIO()
    with redirect_stderr(buffer):
        sys.__excepthook__(type(error), error, error.__traceback__)
    return buffer.getvalue()


def _in_its_cell(found: re.Match[str]) -> str:
    """Return a frame's place as the user counts: the file of a notebook that runs is its cells, one after another."""
    try:
        with open(found[2], encoding="utf-8") as source:
            cell, line = place(source.read(), int(found[3]))
    except OSError:
        return found[0]
    return f"{found[1]}, cell {cell}, line {line}"


def _print(text: str) -> None:
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):  # closed, or something of the script's own
        return


def _without_ours(tb: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    for this in _walk(tb):
        if not _is_ours(this.tb_frame):
            kept.append(this)
        elif kept and kept[-1].tb_frame.f_code.co_name == _DISPATCH:
            del kept[-2:]  # the tape was asked by torch: neither would be there without it
    for this, following in zip(kept, [*kept[1:], None]):
        this.tb_next = following
    return kept[0] if kept else None


def _walk(tb: TracebackType | None) -> list[TracebackType]:
    frames = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    return frames


def _is_ours(frame: FrameType) -> bool:
    file = os.path.abspath(frame.f_code.co_filename)
    return file.startswith(_OURS) and not file.startswith(_PARTS)
