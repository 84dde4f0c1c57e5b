"""The messages that cross from the observed script to the record: plain values, no tensors."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from descend.doctor.record.facts.named import name_of


class Reading(NamedTuple):  # several a step: made in a third of a frozen dataclass's time
    """One number measured at one step: `curvature` of optimizer `0` at step 40 is 12.5."""

    name: str  # what was measured: loss, curvature, gradient_norm, dead_share, ...
    place: str  # of what: an optimizer's key, a parameter, a module; "" for the whole run
    step: int  # optimizer steps taken before it was measured
    value: float


@dataclass(frozen=True)
class Fact:
    """One observation that is no single number, as it is sent and kept; `record.facts` has what it says."""

    name: str
    place: str
    step: int
    detail: Mapping[str, Any]  # JSON values only

    @classmethod
    def of(cls, said: Any, step: int, place: str = "") -> "Fact":
        """Return an observation, one of the types of `descend.doctor.record.facts`, as it is sent."""
        return cls(name_of(type(said)), place, step, asdict(said))


LIBRARIES = frozenset({"site-packages", "dist-packages"})
IN_SCRIPT = "_in_script"  # ends the kind of a site where the script has a library do what another site names


@dataclass(frozen=True)
class Site:
    """A place in the user's source where something is made or called.

    kind: model, optimizer, loader, loss, backward, step, model_call, activation.
    key: which one, where there are several (the optimizer's key, a module's qualified name).
    file, line, column: the first character of the call expression; `end_line`, `end_column` its end.
    """

    kind: str
    key: str
    file: str  # absolute path in the user's tree
    line: int  # 1-based
    column: int = 0  # 0-based, in UTF-8 bytes, as `ast` counts
    end_line: int = 0
    end_column: int = 0
    variable: str = ""  # what the result is assigned to: `optimizer`, `self.opt`; "" when unknown
    function: str = ""  # the enclosing function's name; "" at module level
    detail: str = ""  # the callee's name: SGD, softmax, cross_entropy


@dataclass(frozen=True)
class Effect:
    """Something the run did to the world: a file written, a process started, a connection made."""

    kind: str  # write, delete, rename, process, connection, signal, setting (of another process, or the machine)
    target: str
    refused: bool
    by: str = ""  # the installed library that starts a process by itself, as to see what the machine has


@dataclass(frozen=True)
class Note:
    """What could not be measured, and why."""

    probe: str
    reason: str
    step: int = 0


@dataclass(frozen=True)
class Cost:
    """What one probe has cost so far, in seconds of wall clock."""

    probe: str
    seconds: float
    calls: int
    failed: int = 0  # of the calls, those that measured nothing


@dataclass(frozen=True)
class Ending:
    """How the run ended.

    reason: `finished` (the script ended by itself), `window` (the step or time budget was reached),
    `failed` (the script raised), `killed` (the process vanished), `interrupted` (Ctrl-C).
    status: the script's exit status. weights: SHA-256 of the trained parameters' bytes at the last step.
    """

    reason: str
    status: int
    steps: int = 0
    wall_s: float = 0.0  # from process start, with imports
    loop_s: float = 0.0  # from the first to the last step
    probe_s: float = 0.0  # spent in probes
    weights: str = ""
    error: str = ""  # the script's own traceback, where it raised; else the last that it has said before it left

    @property
    def is_told(self) -> bool:
        """Whether the run itself has said how it ended; else its last steps may not have been heard of."""
        return self.reason != "killed" and self.wall_s > 0


Message = Reading | Fact | Site | Effect | Note | Cost | Ending
Listener = Callable[[list[Message]], None]


def is_installed(file: str) -> bool:
    """Whether a file belongs to an installed library."""
    return not LIBRARIES.isdisjoint(file.split(os.sep))
