"""What a user got wrong, said in one line."""


class UsageError(Exception):
    """A bad value from outside: the message names the value and what to do. Ends a command with status 2."""
