"""End the process of a run at once, without the script's exit handlers."""

import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

FLUSH_S = 1.0  # time limit in seconds for flushing the standard streams, which the script may have replaced


def exit_at_once(status: int = 0) -> NoReturn:
    """End the process at once, without the script's exit handlers, which might save a checkpoint or clean up."""
    try:
        flushing = threading.Thread(target=_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
    finally:
        os._exit(status & 0xFF)


def _flush() -> None:
    """Flush standard output and standard error, which the script may have replaced by any object."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
