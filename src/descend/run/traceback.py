"""The script's traceback as plain python would show it: its own paths, and no frame of ours."""

import os
import sys
import traceback
from types import TracebackType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def show(error: BaseException, copy: str, root: str) -> str:
    """Print the error to standard error as python would and return the text."""
    strip(error)
    text = "".join(traceback.format_exception(error)).replace(copy + os.sep, root + os.sep)
    sys.stderr.write(text)
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


def _without_ours(tb: TracebackType | None) -> TracebackType | None:
    kept = [t for t in _walk(tb) if not _is_ours(t)]
    for this, following in zip(kept, [*kept[1:], None]):
        this.tb_next = following
    return kept[0] if kept else None


def _walk(tb: TracebackType | None) -> list[TracebackType]:
    frames = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    return frames


def _is_ours(tb: TracebackType) -> bool:
    file = tb.tb_frame.f_code.co_filename
    return os.path.abspath(file).startswith(_OURS) and f"{os.sep}network{os.sep}" not in file
