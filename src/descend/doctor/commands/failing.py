"""How a command ends that fails by descend's own fault, or because the machine fails: status 5, never 0 or 1."""

import errno
import os
import signal
import sys
import traceback

from descend.doctor.commands.terminal import pass_on_error, say
from descend.ground.errors import OWN_FAILURE, OwnFailure

OF_THE_MACHINE = frozenset(  # a full disk, a full quota, a failing disk, too many open files, no memory
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


def failed(error: Exception) -> int:
    """Say on standard error what has failed and return the exit status."""
    if isinstance(error, BrokenPipeError):  # who read our output has gone, as `head` does
        _close_output()
        return 128 + signal.SIGPIPE
    if isinstance(error, OwnFailure):
        say(str(error))
    elif isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        _close_output()
        say(f"{error.filename or 'standard output'}: {error.strerror}")
    else:
        pass_on_error("".join(traceback.format_exception(error)))
        say("descend itself failed, not the script; please report the lines above")
    return OWN_FAILURE


def _close_output() -> None:
    """Let the interpreter not try again, at its end, to write what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(nowhere)
