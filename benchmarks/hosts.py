"""Hosts on one machine: namespaces with a /tmp, shared memory and process numbers of their own, each with a processor.

One router joins them; each link carries as much as it is let. What runs on a host ends with the command started there.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BURST, LONGEST_QUEUE = "256kb", "50ms"  # of the token bucket that limits a link


class Hosts:
    """Some hosts, which reach one another."""

    def __init__(self, count: int, folder: Path) -> None:
        self._tag, self._folder = f"dsc{os.getpid() % 100000}", folder
        self.names = [f"{self._tag}{k}" for k in range(count)]

    def address(self, host: int) -> str:
        """Return the host's address."""
        return f"10.203.{host}.1"

    def start(self, host: int, command: str, environment: dict[str, str]) -> subprocess.Popen[str]:
        """Start a shell command there."""
        own = self._folder / str(host)
        own.mkdir(exist_ok=True)
        core = host % len(os.sched_getaffinity(0))
        mounts = f'mount --bind {own} /tmp && mount -t tmpfs none /dev/shm && exec taskset -c {core} bash -c "$1"'
        alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", mounts, "host", command]
        given = {**os.environ, **environment, "GLOO_SOCKET_IFNAME": f"{self._tag}{host}e", "OMP_NUM_THREADS": "1"}
        enter = ["ip", "netns", "exec", self.names[host], *alone]
        return subprocess.Popen(enter, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def limit(self, rate: str | None) -> None:
        """Let every host send and be sent so much, as in 200mbit, or all that the link can carry."""
        for host, name in enumerate(self.names):
            for there, end in ((name, f"{self._tag}{host}e"), (f"{self._tag}r", f"{self._tag}{host}r")):
                run = ["ip", "netns", "exec", there, "tc", "qdisc"]
                subprocess.run([*run, "del", "dev", end, "root"], stderr=subprocess.DEVNULL)
                if rate:
                    bucket = ["tbf", "rate", rate, "burst", BURST, "latency", LONGEST_QUEUE]
                    subprocess.run([*run, "add", "dev", end, "root", *bucket], check=True)

    def join(self) -> None:
        """Make the namespaces and the links."""
        router = f"{self._tag}r"
        for name in (router, *self.names):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        subprocess.run(["ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        for host, name in enumerate(self.names):
            ours, theirs = f"{self._tag}{host}e", f"{self._tag}{host}r"
            _ip("link", "add", ours, "netns", name, "type", "veth", "peer", "name", theirs, "netns", router)
            for where, end, number in ((name, ours, 1), (router, theirs, 2)):
                _ip("-n", where, "addr", "add", f"10.203.{host}.{number}/24", "dev", end)
                _ip("-n", where, "link", "set", end, "up")
            _ip("-n", name, "route", "add", "default", "via", f"10.203.{host}.2")

    def leave(self) -> None:
        """End what runs there and take all away."""
        for name in (*self.names, f"{self._tag}r"):
            running = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
            subprocess.run(["kill", "-9", *running], stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


@contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    """Make hosts for a while. Raises `OSError` that says why where they cannot be made."""
    if os.geteuid() or not all(map(shutil.which, ("ip", "tc", "unshare", "taskset"))):
        raise OSError("hosts are network namespaces, which take root and the commands ip, tc, unshare and taskset")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Hosts(count, Path(folder))
        try:
            made.join()
            yield made
        finally:
            made.leave()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
