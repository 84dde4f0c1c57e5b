"""What each level of the sandbox holds back, and by whom: the one table that the start, the documents and tests use.

The kernel holds back everything, whatever library it comes from. Python's audit hook refuses what Python code does, and
does not see what libraries in C do by themselves, nor what a program does that has been started.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["namespaces", "landlock", "hooks"]
LEVELS: tuple[Level, ...] = get_args(Level)
Holder = Literal["kernel", "python"]


@dataclass(frozen=True)
class Promise:
    """One effect outside the scratch copy, and who holds it back at each level."""

    effect: str  # a plural noun: "writes to files"
    namespaces: Holder
    landlock: Holder
    hooks: Holder
    needs: int = 1  # the version of Landlock from which on the kernel holds it back at that level

    def holder(self, level: Level, landlock_version: int) -> Holder:
        """Return who holds it back at a level, where the kernel has this version of Landlock."""
        known: Holder = getattr(self, level)
        return "python" if level == "landlock" and landlock_version < self.needs else known


PROMISES = (
    Promise("writes to files", "kernel", "kernel", "python", needs=3),
    Promise("changes of files' modes, owners and times", "kernel", "python", "python"),
    Promise("changes of shared memory, semaphores and message queues of other programs", "kernel", "python", "python"),
    Promise("writes to disks, terminals and other devices", "kernel", "kernel", "python", needs=5),
    Promise("signals to other processes", "kernel", "kernel", "python", needs=6),
    Promise("changes of other processes' memory", "kernel", "kernel", "python"),
    Promise("changes of other processes' limits, priorities and processors", "kernel", "python", "python"),
    Promise("network connections and name look-ups", "kernel", "python", "python"),
    Promise("new devices, mounts, raw sockets and host names", "kernel", "kernel", "kernel"),
)
ALLOWED = (  # at every level
    "reading files, and locking them while the run lasts",
    "connections to programs of this machine by Unix sockets and by named pipes in /tmp (they may do more than the "
    "script)",
    "the keys of the user's session (keyrings(7)): some file systems need them",
    "connections of libraries in C from a virtual machine to its host (vsock)",
    "memory, disk space (also new files in /dev/shm), processes and processors without a limit",
)


def left_open(level: Level, landlock_version: int) -> tuple[str, ...]:
    """Return the effects that libraries in C, and programs that a script starts, may have at a level."""
    return tuple(p.effect for p in PROMISES if p.holder(level, landlock_version) == "python")


def left_open_message(level: Level, landlock_version: int, reason: str = "") -> str:
    """Return in one line what a level leaves open, and why no stronger one is used; "" where it leaves nothing open."""
    effects = left_open(level, landlock_version)
    if not effects:
        return ""
    why = f" ({reason})" if reason else ""
    return f"sandbox {level}{why}: libraries in C and started programs are not kept from: {'; '.join(effects)}"
