"""What a user got wrong, said in one line."""

INTERRUPTED = 130  # the exit status of a shell command that Ctrl-C has ended


class UsageError(Exception):
    """A bad value from outside: the message names the value and what to do. Ends a command with status 2."""
