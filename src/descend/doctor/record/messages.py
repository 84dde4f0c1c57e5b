"""The messages from the observed script to the record: plain values, no tensors."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, NamedTuple

from descend.doctor.record.facts.named import name_of
from descend.doctor.script.run_names import EndReason


# A NamedTuple, because each step creates several readings and a frozen dataclass takes three times as long.
class Reading(NamedTuple):
    """One number that was measured at one step of the run, such as the gradient norm of a parameter."""

    name: str  # name of the quantity: loss, curvature, gradient_norm, dead_share, ...
    place: str  # an optimizer's number, or the name of a parameter or a module; "" for the whole run
    step: int  # number of optimizer steps before the measurement
    value: float

    @property
    def is_diverged_loss(self) -> bool:
        """Whether it is a training loss that is infinite or NaN."""
        return self.name == "loss" and not isfinite(self.value)


@dataclass(frozen=True)
class Fact:
    """An observation that consists of several values, as it is sent from the script and stored.

    `record.facts` has a dataclass for each kind of fact.
    """

    name: str
    place: str
    step: int
    detail: Mapping[str, Any]  # the observed values by name, as JSON values

    @classmethod
    def of(cls, observed: Any, step: int, place: str = "") -> "Fact":
        """Convert `observed`, an instance of a dataclass in the package `facts`, to a message that can be sent."""
        return cls(name_of(type(observed)), place, step, asdict(observed))


LIBRARIES = frozenset({"site-packages", "dist-packages"})
# If a library makes the call, the script's line that calls the library is a second place, whose kind has this suffix.
IN_SCRIPT = "_in_script"


@dataclass(frozen=True)
class Site:
    """A place in the user's source where something is constructed or called.

    kind: a `SiteKind`, or one followed by `IN_SCRIPT`.
    key: the optimizer's key or a module's qualified name, which distinguishes sites of one kind.
    file, line, column: the first character of the call expression; `end_line`, `end_column`: its end.
    """

    kind: str
    key: str
    file: str  # absolute path of the file in the user's tree
    line: int  # line number, counted from 1
    column: int = 0  # column in the line, in UTF-8 bytes from 0, as in `ast`
    end_line: int = 0
    end_column: int = 0
    variable: str = ""  # variable to which the result is assigned: `optimizer`, `self.opt`; "" if unknown
    function: str = ""  # name of the enclosing function; "" at module level
    detail: str = ""  # name of the called function or class: SGD, softmax, cross_entropy


@dataclass(frozen=True)
class Effect:
    """An attempt by the script to change something outside its run, such as to write a file or start a process."""

    # write, delete, rename, process, connection, signal, or setting (of another process or of the machine)
    kind: str
    target: str
    refused: bool
    # the library that starts the process, for example to query the hardware; "" if the script starts it
    by: str = ""
    redirected: bool = False  # whether the change was made in the run's own copy of the file or folder


@dataclass(frozen=True)
class Note:
    """The reason why a measurement was not possible."""

    probe: str
    reason: str
    step: int = 0


@dataclass(frozen=True)
class Cost:
    """The wall-clock seconds that one kind of measurement has taken so far."""

    probe: str
    seconds: float
    calls: int
    failed: int = 0  # number of calls that returned no result


@dataclass(frozen=True)
class Ending:
    """How a run of the script ended, after how many steps, and how long it took.

    reason: `finished` (the script ended by itself), `window` (the step or time budget was reached),
    `failed` (the script raised), `killed` (the process vanished), `interrupted` (Ctrl-C).
    status: the script's exit status.
    weights: SHA-256 of the trained parameters' bytes at the last step.
    """

    reason: str
    status: int
    steps: int = 0
    wall_s: float = 0.0  # seconds since the start of the process, including imports
    loop_s: float = 0.0  # seconds from the first to the last step
    probe_s: float = 0.0  # seconds spent in measurements
    weights: str = ""
    error: str = ""  # the script's traceback if it raised an exception; otherwise its last lines on standard error

    @property
    def has_failed(self) -> bool:
        """Whether the script raised an exception, or its process disappeared."""
        return self.reason in (EndReason.FAILED, EndReason.KILLED)

    @property
    def is_reported(self) -> bool:
        """Whether the script's process reported its own end. If not, the record may lack the last steps."""
        return self.reason != EndReason.KILLED and self.wall_s > 0


Message = Reading | Fact | Site | Effect | Note | Cost | Ending
Listener = Callable[[list[Message]], None]


def is_installed(file: str) -> bool:
    """Return whether the path of a source file is in a folder of installed packages, such as `site-packages`."""
    return not LIBRARIES.isdisjoint(file.split(os.sep))
