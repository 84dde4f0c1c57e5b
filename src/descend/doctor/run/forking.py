"""Starts runs of ours by way of a fork server, which has imported torch for all of them."""

import ast
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from descend.doctor.run.forked import STATUS, Forked
from descend.doctor.run.forkserver import LENGTH
from descend.doctor.run.package import package_link, starting
from descend.doctor.run.process import Process, listened
from descend.doctor.sandbox.links import Links
from descend.doctor.script.script import Script
from descend.ground.errors import UsageError

# Slow to import, and neither where they write nor what they compute depends on what a run's environment says.
IMPORTED_ONCE = frozenset({"numpy", "pandas", "scipy", "sklearn"})


class ForkServer:
    """Forks runs of one script, whatever its edits; begins with the first of them."""

    def __init__(self, script: Script, house: str) -> None:
        self._script, self._house = script, house
        self.links = Links(os.path.join(house, ".links"))  # of the copies that its runs are made in
        self._asking = threading.Lock()
        self._connection: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._works = sys.platform == "linux"  # elsewhere system libraries may not survive a fork
        self.has_failed = False  # where it should have worked: the runs then start one by one

    def start(
        self, config: Mapping[str, Any], environment: Mapping[str, str], writers: Sequence[int]
    ) -> Process | None:
        """Return the run that `config` asks for; None where nothing can be forked for it."""
        errors, error_writer = os.pipe()
        status, status_writer = os.pipe()
        asked = json.dumps({"config": config, "environment": environment}).encode()
        try:
            self._ask(asked, environment, [*writers, error_writer, status_writer])
        except OSError:
            self.has_failed, self._works = True, False
        os.close(error_writer)
        os.close(status_writer)
        pid = os.read(status, STATUS.size) if self._works else b""
        if not pid:
            self.has_failed, self._works = self.has_failed or self._works, False
            os.close(errors)
            os.close(status)
            return None
        return listened(Forked(STATUS.unpack(pid)[0], status, os.fdopen(errors, "rb")))

    def close(self) -> None:
        """End the server; what it has forked is ended by whoever asked for it."""
        if self._connection is not None:
            self._connection.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def _ask(self, asked: bytes, environment: Mapping[str, str], writers: Sequence[int]) -> None:
        with self._asking:
            if self._works and self._connection is None:
                self._begin(environment)
            if self._connection is not None:
                socket.send_fds(self._connection, [len(asked).to_bytes(LENGTH, "big")], writers)
                self._connection.sendall(asked)

    def _begin(self, environment: Mapping[str, str]) -> None:
        self._connection, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), json.dumps(imported(self._script))]
        try:
            self._server = subprocess.Popen(
                [self._script.python, *starting("descend.doctor.run.forkserver", self._house), *arguments],
                pass_fds=[theirs.fileno()],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            theirs.close()


@contextmanager
def forking(script: Script) -> Iterator[ForkServer]:
    """Yield a fork server for the runs of a script."""
    with package_link() as house:
        server = ForkServer(script, house)
        try:
            yield server
        finally:
            server.close()


def imported(script: Script) -> list[str]:
    """Return what of `IMPORTED_ONCE` the script imports, submodules too."""
    names: list[str] = []
    with suppress(UsageError, SyntaxError):
        for node in ast.walk(ast.parse(script.read(script.path))):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(name for name in names if name.partition(".")[0] in IMPORTED_ONCE))
