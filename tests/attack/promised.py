"""Attempts at what the sandbox promises to hold back, made together in one confined run of a level."""

import ctypes
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.promises import PROMISES, unprevented_effects

from .world import consulted, skip_unless_reached, victim

Attacks = Mapping[str, Mapping[str, str]]  # effect -> attempt -> code; those from C have a name that begins with "C"
LOOP = Path("/dev/loop0")  # a disk of no use; it is read before and after
SHARED_MEMORY = "changes of shared memory, semaphores and message queues of other programs"
REDIRECTED = {promise.effect for promise in PROMISES if promise.is_redirected}
SENTINELS = (
    "writes to files",
    "changes of files' modes, owners and times",
    SHARED_MEMORY,
    "signals to other processes",
)
PREPARED = """
    import resource, socket, sqlite3, stat, subprocess, _posixsubprocess
    kept, shared, folder, disk, terminal = {paths!r}
    other, port, segment = {numbers!r}
    own_programs = os.path.abspath("programs")
    os.makedirs(own_programs)
    Path(own_programs, "ls").write_text("#!/bin/sh\\necho x >> $KEPT\\n")
    os.chmod(f"{{own_programs}}/ls", 0o755)
    for name in "ab":
        Path(name).write_text(name)
    done = {{}}
    def in_c(name, *arguments):
        if getattr(libc, name)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    def started(words):
        reading, writing = os.pipe()
        child = _posixsubprocess.fork_exec([word.encode() for word in words], [words[0].encode()], True, (), None, None,
            -1, -1, -1, -1, -1, -1, reading, writing, False, False, -1, None, None, None, -1, None, True)
        if os.waitpid(child, 0)[1]:
            raise OSError("it failed")
    def connected_in_c(port):
        found = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
        address = socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
        if libc.connect(found, address, 16):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    def original(function):
        return getattr(function, "__wrapped__", function)
    def is_unchanged():
        # The files are seen without redirection.
        names, mode = original(os.listdir)(folder), original(os.stat)(kept).st_mode
        return (original(open)(kept).read(), names, mode & 0o111) == ("kept", ["kept"], 0)
    def tried(name, action, may_redirect):
        try:
            action()
        except Exception as error:
            said[name] = f"{{type(error).__name__}}: {{error}}"
        else:
            said[name] = "redirected" if may_redirect and ({in_kernel} or is_unchanged()) else "done"
"""


@contextmanager
def listening() -> Iterator[int]:
    """A server of the user's on this machine: the port that it waits at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def attempt_all(tmp_path: Path, level: str, attacks: Attacks, prepared: str = "", last: str = "") -> None:
    """Check that each attempt fails at a level, or that the level announces its effect as open.

    prepared: what the attempts need further; last: what the script does after them.
    """
    skip_unless_reached(level)
    folder = Path.home() / f".descend-attack-{os.getpid()}-{level}"  # not below /tmp, where a run has private files
    shared = Path(f"/dev/shm/descend-attack-{os.getpid()}-{level}")
    semaphore = shared.with_name(f"sem.{shared.name}")
    folder.mkdir()
    leader, terminal = os.openpty()
    other = victim()
    libc = ctypes.CDLL(None)
    segment = libc.shmget(0, 4096, 0o600)  # IPC_PRIVATE
    try:
        (folder / "kept").write_text("kept")
        shared.write_text("shared")
        semaphore.write_text("semaphore")
        paths = [str(folder / "kept"), str(shared), str(folder), str(LOOP), os.ttyname(terminal)]
        with listening() as port:
            attempts = [  # those from C come last, because some levels leave their effects open
                f"    tried({f'{effect}: {name}'!r}, lambda: {code}, {effect in REDIRECTED})"
                for is_c in (False, True)
                for effect, each in attacks.items()
                for name, code in each.items()
                if name.startswith("C") is is_c
            ]
            numbers = [other.pid, port, segment]
            in_kernel = level == "namespaces"  # the files are compared at the end
            attack = PREPARED.format(paths=paths, numbers=numbers, in_kernel=in_kernel) + prepared
            _, said = consulted(tmp_path, level, attack + "\n".join(attempts) + last)
        announced = unprevented_effects(level, landlock_version())
        for effect, each in attacks.items():
            for name in each:
                is_seen = effect in SENTINELS  # what C code did to a layer of the run's own is no harm
                is_open = name.startswith("C") and (is_seen or effect in announced)
                assert is_open or said[f"{effect}: {name}"] != "done", (level, effect, name)
        is_held = {effect: effect not in announced for effect in attacks}
        if is_held.get("writes to files"):
            assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("kept", "kept")]
        if is_held.get("changes of files' modes, owners and times"):
            assert stat.S_IMODE((folder / "kept").stat().st_mode) & 0o111 == 0
        if is_held.get(SHARED_MEMORY):
            assert (shared.read_text(), semaphore.read_text()) == ("shared", "semaphore")
            assert libc.shmctl(segment, 0, None) == 0  # IPC_RMID: it was there
        if is_held.get("signals to other processes"):
            assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        libc.shmctl(segment, 0, None)
        for path in (shared, semaphore, *folder.iterdir()):
            path.unlink(missing_ok=True)
        folder.rmdir()
        os.close(leader)
        os.close(terminal)
