"""What was seen of the run itself: how it begins and is ended, what it reads, which part of it is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Begun:
    """The script itself has begun: from here on its first step is waited for."""


@dataclass(frozen=True)
class Line:
    """A line of the user's source."""

    file: str  # absolute path in the user's tree
    line: int  # 1-based


@dataclass(frozen=True)
class CutOff:
    """The run was ended since it took no step for too long."""

    seconds: float  # since the script began
    place: Line | None  # which the script was at; None where none of its own was running


@dataclass(frozen=True)
class FileRead:
    """The script has opened a file for reading, which is the place of the observation."""


@dataclass(frozen=True)
class UnenteredLoop:
    """The loop around a call of `backward()` that was never made; its site is of the kind `unentered_loop`."""

    header: str  # its first line in the source, without the colon
    backward: int  # the line of the call


@dataclass(frozen=True)
class Passes:
    """The backward passes of the whole run, with those that no step followed."""

    backward: int
