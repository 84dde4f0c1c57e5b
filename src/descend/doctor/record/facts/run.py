"""Facts about the run itself: its start, its end, the files that it reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScriptStarted:
    """A message that the script's own code has started. The wait for the first training step begins then."""

    after_s: float = 0.0  # seconds since the start of the run, in which Python and torch were loaded


@dataclass(frozen=True)
class ScriptEnded:
    """A message that the observed part of the script has ended. The last measurements begin then."""


@dataclass(frozen=True)
class PeakMemory:
    """The largest memory that the script's process has used until the end of the run."""

    bytes: int  # resident memory, or the memory that torch allocated on its device
    device: str  # "cpu", or the device's name, such as "NVIDIA H200"


@dataclass(frozen=True)
class FinalState:
    """A digest of the values in all modules of the script at the end of a run.

    It includes values that no optimizer trains: running means of batch normalisation, and averaged copies of a model.
    """

    digest: str


@dataclass(frozen=True)
class Line:
    """A line in a source file of the user, given by file and line number."""

    file: str  # absolute path of the source file
    line: int  # line number, counted from 1


@dataclass(frozen=True)
class TimedOut:
    """Where a run was, and for how long it ran, when it was ended because it took no step for too long."""

    seconds: float  # seconds since the start of the script
    place: Line | None  # the line that the script was executing; None if it was not executing its own code


@dataclass(frozen=True)
class FileRead:
    """A file that the script opened for reading.

    The fact's place is the file's path.
    """


@dataclass(frozen=True)
class UnenteredLoop:
    """A loop that contains a `backward()` call but was never entered."""

    header: str  # the loop's first source line, without the colon
    backward: int  # line of the `backward()` call


@dataclass(frozen=True)
class BackwardPasses:
    """The number of backward passes of the whole run."""

    backward: int  # number of backward passes, including those that no step followed
