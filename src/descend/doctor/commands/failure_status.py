"""What a failed command reports: the message of wrong usage, and status 5 if descend or the machine failed."""

import errno
import os
import signal
import sys
import traceback

from typer.exceptions import TyperException

from descend.core.errors import OWN_FAILURE, InternalError
from descend.doctor.commands.terminal import pass_on_error, say

# error numbers of the machine: full or failing disk, exceeded quota, too many open files, no memory
MACHINE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


def usage_message(error: TyperException) -> str:
    """Return typer's message on a wrong command line, with the help page of the command that it is about."""
    context = getattr(error, "ctx", None)  # missing if the error does not belong to a command
    path = context.command_path if context is not None else "descend"
    return f"{error.format_message().replace('Value error, ', '')} (see {path} --help)"


def report_failure(error: Exception) -> int:
    """Print the message of an error of descend or of the machine on standard error, and return the exit status."""
    if isinstance(error, BrokenPipeError):  # the reader of a pipe has closed it, as `head` does
        _close_output()
        return 128 + signal.SIGPIPE
    if isinstance(error, InternalError):
        say(str(error))
    elif isinstance(error, OSError) and error.errno in MACHINE_ERRORS:
        _close_output()
        say(f"{error.filename or 'standard output'}: {error.strerror}")
    else:
        pass_on_error("".join(traceback.format_exception(error)))
        say("descend itself failed, not the script; please report the lines above")
    return OWN_FAILURE


def _close_output() -> None:
    """Redirect standard output to /dev/null, so that flushing it at the interpreter's exit does not fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(null)
