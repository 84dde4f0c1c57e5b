"""What a user got wrong, said in one line, and the exit statuses that are our own."""

WRONG_USAGE = 2
INTERNAL = 5  # descend itself failed: 1 means findings
INTERRUPTED = 130  # the exit status of a shell command that Ctrl-C has ended


class UsageError(Exception):
    """A bad value from outside: the message names the value and what to do. Ends a command with status 2."""
