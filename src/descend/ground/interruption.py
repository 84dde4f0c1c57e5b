"""Ctrl-C, SIGTERM and SIGHUP end a command alike: what is known is kept, and the exit status names the signal."""

import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 128 + signal.SIGINT  # the exit status that a shell gives to a command which Ctrl-C has ended
ENDING = (signal.SIGTERM, signal.SIGHUP)
_received: dict[str, int] = {}  # the exit status of the last of these signals, once there was one


class Interruption(KeyboardInterrupt):
    """A signal that asks the command to end, raised wherever Ctrl-C would be."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def catch_signals() -> None:
    """Raise `Interruption` for SIGTERM and SIGHUP; `nohup` ignores SIGHUP, and what is ignored stays so."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def command_status(returned: int | None) -> int:
    """Return the exit status of a command that has returned, when typer may have handled the interruption.

    Typer returns 130 for every `KeyboardInterrupt` that leaves a command, whichever signal it came from.
    """
    return _received.get("status", INTERRUPTED) if returned == INTERRUPTED else int(returned or 0)


def interruption_status(error: BaseException) -> int:
    """Return the exit status for an interruption: 128 + the signal's number, 130 for Ctrl-C."""
    reason = error.__cause__ or error  # click raises another error from the interruption
    return reason.status if isinstance(reason, Interruption) else INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    _received["status"] = 128 + number
    raise Interruption(128 + number)
