"""What the sandbox promises, tried: each effect at each level, from Python, from C, from a worker, and through /proc.

An effect either does not happen, or the line at the start says that the level leaves it open. What Python code does is
refused at every level.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.promises import LEVELS, PROMISES, left_open, left_open_message

from .world import consulted, levels, refused, skip_unless_reached, victim

LOOP = Path("/dev/loop0")  # a disk of no use; it is read before and after
ATTACKS = {  # effect -> attempt -> whether it had its effect; those from C have a name that begins with "C"
    "writes to files": {
        "Python": "open(kept, 'a').write('x')",
        "Python, opened anew by /proc": "os.write(os.open(f'/proc/self/fd/{os.open(kept, os.O_RDONLY)}', 2), b'x')",
        "Python, attached to a database": "sqlite3.connect(':memory:').execute(f\"ATTACH '{folder}/new.db' AS x\")"
        ".execute('CREATE TABLE x.t (a)')",
        "Python, copied by a database": "sqlite3.connect(':memory:').execute(f\"VACUUM INTO '{folder}/copy.db'\")",
        "Python, a named pipe": "os.mkfifo(f'{folder}/pipe')",
        "Python, an unaudited start": "started(['/bin/sh', '-c', f'echo x >> {kept}'])",
        "Python, another ls": "subprocess.run(['ls'], env={'PATH': own_programs, 'KEPT': kept}, check=True)",
        "Python, a diff of its own": "subprocess.run(['git', 'diff', '--no-index', 'a', 'b'], "
        "env={**os.environ, 'GIT_EXTERNAL_DIFF': own_programs + '/ls', 'KEPT': kept})",
        "Python, nearly a worker": "subprocess.run([sys.executable, '-c', "
        "f\"from multiprocessing.spawn import *; open('{kept}', 'a').write('x')\"], check=True)",
        "C": "in_c('open', kept.encode(), os.O_WRONLY | os.O_TRUNC)",
    },
    "changes of files' modes, owners and times": {
        "Python": "os.chmod(kept, 0o777)",
        "C": "in_c('chmod', kept.encode(), 0o777)",
    },
    "deletions in /dev/shm": {
        "Python": "os.remove(shared)",
        "C": "in_c('unlink', shared.encode())",
    },
    "writes to disks, terminals and other devices": {
        "Python, a disk": "os.close(os.open(disk, os.O_WRONLY))",
        "Python, a terminal": "os.write(os.open(terminal, os.O_WRONLY), b'x')",
        "C, a disk": "in_c('open', disk.encode(), os.O_WRONLY)",
        "C, a terminal": "in_c('open', terminal.encode(), os.O_WRONLY)",
    },
    "signals to other processes": {
        "Python": "os.kill(other, signal.SIGKILL)",
        "C": "in_c('kill', other, signal.SIGKILL)",
    },
    "changes of other processes' limits, priorities and processors": {
        "Python, limits": "resource.prlimit(other, resource.RLIMIT_CORE, (0, 0))",
        "Python, priority": "os.setpriority(os.PRIO_PROCESS, other, 19)",
        "Python, processors": "os.sched_setaffinity(other, {0})",
        "C, priority": "in_c('setpriority', os.PRIO_PROCESS, other, 18)",
    },
    "network connections and name look-ups": {
        "Python": "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "Python, a look-up": "socket.getaddrinfo('example.invalid', 80)",
        "C": "connected_in_c(port)",
    },
    "new devices, mounts, raw sockets and host names": {
        "Python, a device": "os.mknod('device', 0o600 | stat.S_IFBLK, os.makedev(7, 0))",
        "Python, a host name": "socket.sethostname(socket.gethostname() + 'x')",
        "Python, a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
        "C, a device": "in_c('mknod', b'device', 0o600 | stat.S_IFBLK, os.makedev(7, 0))",
        "C, a mount": "in_c('mount', b'none', b'/mnt', b'tmpfs', 0, None)",
        "C, a host name": "in_c('sethostname', b'x', 1)",
    },
}
SENTINELS = (
    "writes to files",
    "changes of files' modes, owners and times",
    "deletions in /dev/shm",
    "signals to other processes",
)
PREPARED = """
    import resource, socket, sqlite3, stat, subprocess, _posixsubprocess
    kept, shared, folder, disk, terminal = {paths!r}
    other, port = {numbers!r}
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
    def tried(name, action):
        try:
            action()
        except Exception as error:
            said[name] = f"{{type(error).__name__}}: {{error}}"
        else:
            said[name] = "done"
"""


@contextmanager
def listening() -> Iterator[int]:
    """A server of the user's on this machine: the port that it waits at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_every_promise_is_tried() -> None:
    assert list(ATTACKS) == [promise.effect for promise in PROMISES]
    assert all(any(name.startswith("C") for name in attempts) for attempts in ATTACKS.values())


@pytest.mark.slow
@levels
def test_each_effect_is_held_back_or_announced(tmp_path, level):
    skip_unless_reached(level)
    folder = Path.home() / f".descend-attack-{os.getpid()}-{level}"  # not below /tmp, where a run has files of its own
    shared = Path(f"/dev/shm/descend-attack-{os.getpid()}-{level}")
    folder.mkdir()
    leader, terminal = os.openpty()
    other = victim()
    try:
        (folder / "kept").write_text("kept")
        shared.write_text("shared")
        paths = [str(folder / "kept"), str(shared), str(folder), str(LOOP), os.ttyname(terminal)]
        with listening() as port:
            attempts = [
                f"    tried({f'{effect}: {name}'!r}, lambda: {code})"
                for effect, each in ATTACKS.items()
                for name, code in each.items()
            ]
            attack = PREPARED.format(paths=paths, numbers=[other.pid, port]) + "\n".join(attempts)
            _, said = consulted(tmp_path, level, attack)
        announced = left_open(level, landlock_version())
        for effect, each in ATTACKS.items():
            for name in each:
                is_seen = effect in SENTINELS  # what C code did to a layer of the run's own is no harm
                is_open = name.startswith("C") and (is_seen or effect in announced)
                assert is_open or said[f"{effect}: {name}"] != "done", (level, effect, name)
        is_held = {effect: effect not in announced for effect in ATTACKS}
        if is_held["writes to files"]:
            assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("kept", "kept")]
        if is_held["changes of files' modes, owners and times"]:
            assert stat.S_IMODE((folder / "kept").stat().st_mode) & 0o111 == 0
        if is_held["deletions in /dev/shm"]:
            assert shared.read_text() == "shared"
        if is_held["signals to other processes"]:
            assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        shared.unlink(missing_ok=True)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        os.close(leader)
        os.close(terminal)


@pytest.mark.parametrize("version", [1, 3, 6])
def test_the_line_at_the_start_names_what_is_left_open(version):
    assert left_open_message("namespaces", version) == ""
    line = left_open_message("landlock", version, "no namespaces: unshare: Operation not permitted")
    assert line.startswith("sandbox landlock (no namespaces: unshare: Operation not permitted): libraries in C")
    assert ("signals to other processes" in line) is (version < 6) and ("writes to files" in line) is (version < 3)
    assert all(p.effect in left_open_message("hooks", version) for p in PROMISES if p.hooks == "python")
    assert len(LEVELS) == 3


@pytest.mark.slow
def test_a_server_at_a_port_of_this_machine_is_out_of_reach_and_listed(tmp_path):
    skip_unless_reached("namespaces")
    with listening() as port:
        attack = f"""
            import socket
            attempt("users", lambda: socket.create_connection(("127.0.0.1", {port}), timeout=5))
            own = socket.create_server(("127.0.0.1", 0))
            attempt("own", lambda: socket.create_connection(own.getsockname(), timeout=5).close())
        """
        record, said = consulted(tmp_path, "namespaces", attack)
    assert said == {"users": "Connection refused", "own": "None"}
    assert refused(record, "connection") == [f"127.0.0.1:{port}"]
