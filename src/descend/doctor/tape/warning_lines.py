"""Keep the script's line in Python warnings while a tape records, and show no warnings during a replay."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

# Frames of files in this folder are skipped in the search for the script's frame.
_OURS = __name__.rpartition(".")[0].replace(".", "/")
_BETWEEN = ("torch.overrides", "torch.nn.functional", "torch.functional", "torch._tensor")


class WarningsAtScriptLine:
    """Shows warnings from calls that the tape makes as if the script's own line had made the calls.

    The warning is registered for that line, so the same call without a tape does not repeat it.
    """

    def __init__(self, frame: FrameType) -> None:
        self.frame: FrameType | None = frame

    def __enter__(self) -> None:
        """Replace the function that shows warnings. The script's warning filters stay in force."""
        self.shown: Any = warnings.showwarning
        _set_showwarning(self._show)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Restore the function that shows warnings."""
        _set_showwarning(self.shown)
        self.frame = None

    def _show(self, message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        """Show a warning; if it comes from this package, show it with the script's file and line."""
        _set_showwarning(self.shown)
        try:
            frame = self._script_frame()
            if _OURS not in filename or frame is None:
                self.shown(message, category, filename, lineno, *rest)
                return
            file, names = frame.f_code.co_filename, frame.f_globals
            registry = names.setdefault("__warningregistry__", {})
            warnings.warn_explicit(message, category, file, frame.f_lineno, names.get("__name__"), registry)
        finally:
            _set_showwarning(self._show)

    def _script_frame(self) -> FrameType | None:
        """Return the frame of the script's call: the innermost frame outside torch's own wrappers."""
        frame = self.frame
        while frame is not None and frame.f_globals.get("__name__") in _BETWEEN:
            frame = frame.f_back
        return frame


@contextmanager
def without_warnings() -> Iterator[None]:
    """Show no warnings inside the `with` block, because the recorded step has already shown them."""
    shown = warnings.showwarning
    _set_showwarning(lambda *warning: None)
    try:
        yield
    finally:
        _set_showwarning(shown)


def _set_showwarning(show: Any) -> None:
    """Replace the function with which Python shows warnings."""
    warnings.showwarning = show
