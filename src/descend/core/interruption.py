"""Ctrl-C, SIGTERM and SIGHUP end a command in the same way, with an exit status that identifies the signal."""

import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 128 + signal.SIGINT  # exit status of a command that was ended by Ctrl-C
ENDING = (signal.SIGTERM, signal.SIGHUP)
_received: dict[str, int] = {}  # under the key "status": the exit status for the signal received last


class Interruption(KeyboardInterrupt):
    """The exception for SIGTERM and SIGHUP, which end the command as Ctrl-C does. `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def catch_signals() -> None:
    """Make SIGTERM and SIGHUP raise `Interruption`, except for a signal that is ignored, as SIGHUP is under `nohup`."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise_interruption)


def command_status(returned: int | None) -> int:
    """Return the exit status of a command: that of the signal that ended it, or else the one that typer returned.

    Typer returns 130 for every `KeyboardInterrupt` that leaves a command, whichever signal caused it.
    """
    return _received.get("status", INTERRUPTED) if returned == INTERRUPTED else int(returned or 0)


def interruption_status(error: BaseException) -> int:
    """Return the exit status for an interruption by a signal: 128 + the signal's number, such as 130 for Ctrl-C."""
    # Click raises another error in place of the interruption, which is the cause of that error.
    reason = error.__cause__ or error
    return reason.status if isinstance(reason, Interruption) else INTERRUPTED


def _raise_interruption(number: int, frame: FrameType | None) -> NoReturn:
    """Handle a signal: store the exit status that identifies the signal, and raise `Interruption`."""
    _received["status"] = 128 + number
    raise Interruption(128 + number)
