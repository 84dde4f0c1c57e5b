"""A table of the effects that each level of the sandbox prevents or redirects; messages, documents and tests use it.

The kernel prevents an effect whatever code causes it. Python's audit hook only refuses effects of Python code, not
those of libraries in C or of programs that the script has started. A redirected effect happens in the run's own copy of
a file. An effect that cannot be redirected is refused.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["namespaces", "landlock", "hooks"]
LEVELS: tuple[Level, ...] = get_args(Level)
RunLevel = Level | Literal["none"]  # "none": the run has no sandbox
Holder = Literal["kernel", "python"]


@dataclass(frozen=True)
class EffectProtection:
    """A kind of effect outside the scratch copy, with the part that prevents it at each level: the kernel or Python."""

    effect: str  # a noun phrase in the plural, such as "writes to files"
    namespaces: Holder
    landlock: Holder
    hooks: Holder
    needs: int = 1  # the Landlock version from which the kernel prevents the effect at the level landlock
    is_redirected: bool = False  # whether the effect is redirected to the run's own copy of a file

    def find_holder(self, level: Level, landlock_version: int) -> Holder:
        """Return what prevents the effect at a sandbox level: "kernel", or "python" for Python's audit hook."""
        known: Holder = getattr(self, level)
        return "python" if level == "landlock" and landlock_version < self.needs else known

    def find_redirector(self, level: Level) -> Holder | None:
        """Return what redirects the effect at a sandbox level: the kernel or Python; None if it is refused."""
        if not self.is_redirected:
            return None
        return "kernel" if level == "namespaces" else "python"


PROMISES = (
    EffectProtection("writes to files", "kernel", "kernel", "python", needs=3, is_redirected=True),
    EffectProtection("changes of files' modes, owners and times", "kernel", "python", "python", is_redirected=True),
    EffectProtection(
        "changes of shared memory, semaphores and message queues of other programs", "kernel", "python", "python"
    ),
    EffectProtection("writes to disks, terminals and other devices", "kernel", "kernel", "python", needs=5),
    EffectProtection("signals to other processes", "kernel", "kernel", "python", needs=6),
    EffectProtection("changes of other processes' memory", "kernel", "kernel", "python"),
    EffectProtection("changes of other processes' limits, priorities and CPU affinity", "kernel", "python", "python"),
    EffectProtection("network connections and name look-ups", "kernel", "python", "python"),
    EffectProtection("new devices, mounts, raw sockets and host names", "kernel", "kernel", "kernel"),
)
ALLOWED = (  # effects that the sandbox allows at every level
    "reading files, and locking them during the run",
    "connections to other programs on this machine, by Unix sockets and by named pipes in /tmp (these programs may do "
    "more than the script)",
    "access to the keys of the user's session (keyrings(7)), which some file systems need",
    "connections of C libraries from a virtual machine to its host (vsock)",
    "unlimited use of memory, disk space (including new files in /dev/shm), processes and processors",
)

REDIRECTED = (  # what happens to redirected changes of files
    "What the script reads later is its own version of the file. The original file does not change.",
    "Each run begins without the changes of other runs. They are deleted with the run's scratch copy.",
    "At the level namespaces, the folders of users' files, /tmp and /var/tmp have a private layer, for libraries in C "
    "and started programs, too. Folders of programs and settings, such as /usr and /etc, are read-only. So is a "
    "folder in which other file systems are mounted, except its subfolders. A folder that autofs mounts must be "
    "mounted before the run.",
    "The private layers are on the disk, in the run's folder (TMPDIR). In memory are the layers of /dev/shm and of "
    "the folder that contains TMPDIR (usually /tmp), and all layers if the disk's file system does not suit "
    "overlayfs, as often in a container. Together they use at most half of the memory that is available at the start. "
    "The first change of a file copies the whole file.",
    "At the level namespaces, a private layer cannot change files and folders of other owners or groups, or anything "
    "inside such folders, unless an administrator runs descend. There, and for absolute names of files in the working "
    "directory, only the functions of Python listed below are redirected. Libraries in C and started programs get the "
    "error EOVERFLOW. For absolute names in the working directory, they use a second version of the file.",
    "At the levels landlock and hooks, the functions of Python (open, os, shutil, pathlib), torch.save, torch.jit, "
    "safetensors and h5py are redirected. Databases, other libraries in C and worker processes of the start methods "
    "spawn and forkserver are not. Neither is the class io.FileIO: its changes of files are refused.",
    "Worker processes of the start methods spawn and forkserver are not checked by Python at all. At the level "
    "landlock, their changes of files fail with the kernel's error (Permission denied) and are not in the report. At "
    "the level hooks, they happen.",
    "At the levels landlock and hooks, a signal handler, a finaliser (__del__) or a trace function can interrupt the "
    "sandbox's own code. What it changes outside the copy at that moment is refused, not redirected, and it reads the "
    "original files.",
    "At the levels landlock and hooks, a function that an object has stored before the script starts is not "
    "redirected. For example, a tempfile.NamedTemporaryFile in another folder cannot be deleted when it is closed.",
    "The clients of Weights & Biases, Comet, Neptune, ClearML, MLflow and others are switched to their disabled or "
    "offline mode by their environment variables, at every level. Other connections are refused.",
)

RACES = (  # Effects that the kernel prevents have no such race, because it checks the file that it opens.
    "Effects that only Python prevents are checked before the kernel acts. In between, a second thread or process of "
    "the script, or its signal handler, can replace the checked path by a link."
)
DIFFERENCES = (  # differences from a run without the sandbox that even a harmless script may notice
    "the sandbox refuses new terminals (openpty) at the level landlock, and terminals opened by name at every level",
    "at the level namespaces, a program that renames a file between the scratch copy and another folder gets the error "
    "EXDEV; Python's os.rename makes a copy instead",
    "the current folder (os.getcwd) and the targets of links (os.readlink) are paths in the scratch copy",
    "git works, but reports a changed type (T) for the files of the copy, because they are links to the original files",
)


def unprevented_effects(level: Level, landlock_version: int) -> tuple[str, ...]:
    """Return the effects of C libraries and of started programs that a sandbox level does not prevent."""
    return tuple(p.effect for p in PROMISES if p.find_holder(level, landlock_version) == "python")


def unprevented_effects_message(level: Level, landlock_version: int, reason: str = "") -> str:
    """Return one line about the effects that a sandbox level does not prevent; "" if it prevents all effects."""
    effects = unprevented_effects(level, landlock_version)
    if not effects:
        return ""
    why = f" ({reason})" if reason else ""
    return f"with the sandbox level {level}{why}, C libraries and started programs can still cause {'; '.join(effects)}"
