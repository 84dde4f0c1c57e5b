"""Start runs through a fork server, which imports torch once for all of them."""

import ast
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import inf, isinf
from time import monotonic
from typing import Any

from descend.core.errors import UsageError
from descend.doctor.execution.forked import STATUS, ForkedProcess
from descend.doctor.execution.forkserver import LENGTH
from descend.doctor.execution.package import package_link, start_arguments
from descend.doctor.execution.process import Process, process_with_tail
from descend.doctor.sandbox.links import Links
from descend.doctor.script.script import Script

# Packages with a slow import. They are imported once for all runs, since no environment variable changes their results.
IMPORTED_ONCE = frozenset({"numpy", "pandas", "scipy", "sklearn"})


class NotStartedInTime(Exception):
    """Raised if a run has to end before the fork server has imported torch and started it."""


class ForkServer:
    """Starts the runs of one script, edited or not, as forks of a server process, which begins with the first run."""

    def __init__(self, script: Script, package_folder: str) -> None:
        self._script, self._package_folder = script, package_folder
        self.links = Links(os.path.join(package_folder, ".links"))  # links that all scratch copies of the script share
        self._request_lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._works = sys.platform == "linux"  # on other systems, libraries may fail after a fork
        self.has_failed = False  # whether forking failed on Linux; each later run then starts a new interpreter

    def start(
        self, config: Mapping[str, Any], environment: Mapping[str, str], writers: Sequence[int], until: float = inf
    ) -> Process | None:
        """Start a run with the settings `config` as a fork of the server; return its process, None if this fails.

        Raises `NotStartedInTime`, and ends the server, if it has not started the run when `time.monotonic()` reaches
        `until`. The first run waits until the server has imported torch.
        """
        errors, error_writer = os.pipe()
        status, status_writer = os.pipe()
        request = json.dumps({"config": config, "environment": environment}).encode()
        try:
            self._send_request(request, environment, [*writers, error_writer, status_writer])
        except OSError:
            self.has_failed, self._works = True, False
        os.close(error_writer)
        os.close(status_writer)
        left_s = None if isinf(until) else max(0.0, until - monotonic())
        if self._works and not select.select([status], [], [], left_s)[0]:
            self.close()
            os.close(errors)
            os.close(status)
            raise NotStartedInTime
        pid = os.read(status, STATUS.size) if self._works else b""
        if not pid:
            self.has_failed, self._works = self.has_failed or self._works, False
            os.close(errors)
            os.close(status)
            return None
        return process_with_tail(ForkedProcess(STATUS.unpack(pid)[0], status, os.fdopen(errors, "rb")))

    def close(self) -> None:
        """End the server; each forked run is ended by the process that requested it."""
        self._works = False
        if self._connection is not None:
            self._connection.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def _send_request(self, request: bytes, environment: Mapping[str, str], writers: Sequence[int]) -> None:
        """Send a request with the file descriptors for the answers to the server; start the server if needed."""
        with self._request_lock:
            if self._works and self._connection is None:
                self._start_server(environment)
            if self._connection is not None:
                socket.send_fds(self._connection, [len(request).to_bytes(LENGTH, "big")], writers)
                self._connection.sendall(request)

    def _start_server(self, environment: Mapping[str, str]) -> None:
        """Start the server process and connect to it."""
        self._connection, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), json.dumps(imported_modules(self._script))]
        try:
            self._server = subprocess.Popen(
                [
                    self._script.python,
                    *start_arguments("descend.doctor.execution.forkserver", self._package_folder),
                    *arguments,
                ],
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
def fork_server(script: Script) -> Iterator[ForkServer]:
    """Yield a fork server for the runs of a script, and end the server afterwards."""
    with package_link() as package_folder:
        server = ForkServer(script, package_folder)
        try:
            yield server
        finally:
            server.close()


def imported_modules(script: Script) -> list[str]:
    """Return the names of the modules that the script imports from the packages `IMPORTED_ONCE`."""
    names: list[str] = []
    with suppress(UsageError, SyntaxError):
        for node in ast.walk(ast.parse(script.read(script.path))):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(name for name in names if name.partition(".")[0] in IMPORTED_ONCE))
