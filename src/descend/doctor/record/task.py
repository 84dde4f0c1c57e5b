"""The task that a loss function defines."""

from enum import StrEnum


class Task(StrEnum):
    """The kind of prediction that a loss function compares with the targets. The values are stored in records."""

    CLASSES = "classes"  # the target is one of several classes
    BINARY = "binary"  # each target is 0 or 1
    REAL = "real"  # the targets are real numbers
