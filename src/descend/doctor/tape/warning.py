"""Python's warnings under a tape: they name the script's line and not ours, and a replay gives none."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_OURS = __name__.rpartition(".")[0].replace(".", "/")  # the folder of the calls that stand in the script's way
_BETWEEN = ("torch.overrides", "torch.nn.functional", "torch.functional", "torch._tensor")


class AsFrom:
    """While in force, a warning about a call that we make for the script is shown as from the script's own line.

    Once shown there it is known there: the same call without a tape does not repeat it.
    """

    def __init__(self, frame: FrameType) -> None:
        self.frame: FrameType | None = frame

    def __enter__(self) -> None:
        """Stand in for the function that shows warnings; the filters stay the script's."""
        self.shown: Any = warnings.showwarning
        _show_by(self._show)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Step back."""
        _show_by(self.shown)
        self.frame = None

    def _show(self, message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        _show_by(self.shown)
        try:
            frame = self._line()
            if _OURS not in filename or frame is None:
                self.shown(message, category, filename, lineno, *rest)
                return
            file, names = frame.f_code.co_filename, frame.f_globals
            registry = names.setdefault("__warningregistry__", {})
            warnings.warn_explicit(message, category, file, frame.f_lineno, names.get("__name__"), registry)
        finally:
            _show_by(self._show)

    def _line(self) -> FrameType | None:
        frame = self.frame
        while frame is not None and frame.f_globals.get("__name__") in _BETWEEN:
            frame = frame.f_back
        return frame


@contextmanager
def silent() -> Iterator[None]:
    """Show no warnings: the step itself has given them. The script's filters are not touched."""
    shown = warnings.showwarning
    _show_by(lambda *warning: None)
    try:
        yield
    finally:
        _show_by(shown)


def _show_by(show: Any) -> None:
    warnings.showwarning = show
