"""What the sandbox promises, tried: each effect at each level, from Python, from C, from a worker, and through /proc.

An effect either does not happen, or the line at the start says that the level leaves it open. What Python code does is
refused at every level.
"""

import pytest

from descend.doctor.sandbox.promises import LEVELS, PROMISES, unprevented_effects_message

from .promised import attempt_all, listening
from .world import consulted, levels, refused, skip_unless_reached

ATTACKS = {  # effect -> attempt -> whether it had its effect; those from C have a name that begins with "C"
    "writes to files": {
        "Python": "open(kept, 'a').write('x')",
        "Python, reopened by /proc": "os.write(os.open(f'/proc/self/fd/{os.open(kept, os.O_RDONLY)}', 2), b'x')",
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
    "changes of shared memory, semaphores and message queues of other programs": {
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
    "changes of other processes' memory": {
        "Python": "open(f'/proc/{other}/mem', 'r+b').close()",
        "C": "in_c('open', f'/proc/{other}/mem'.encode(), os.O_RDWR)",
    },
    "changes of other processes' limits, priorities and CPU affinity": {
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


def test_every_promise_is_tried() -> None:
    assert list(ATTACKS) == [promise.effect for promise in PROMISES]
    assert all(any(name.startswith("C") for name in attempts) for attempts in ATTACKS.values())


@pytest.mark.slow
@levels
def test_each_effect_is_held_back_or_announced(tmp_path, level):
    attempt_all(tmp_path, level, ATTACKS)


@pytest.mark.parametrize("version", [1, 3, 6])
def test_the_line_at_the_start_names_what_is_left_open(version):
    assert unprevented_effects_message("namespaces", version) == ""
    line = unprevented_effects_message("landlock", version, "no namespaces: unshare: Operation not permitted")
    assert line.startswith(
        "with the sandbox level landlock (no namespaces: unshare: Operation not permitted), C libraries"
    )
    assert ("signals to other processes" in line) is (version < 6) and ("writes to files" in line) is (version < 3)
    assert all(p.effect in unprevented_effects_message("hooks", version) for p in PROMISES if p.hooks == "python")
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
