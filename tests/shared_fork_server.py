"""One fork server for the runs of all tests of a process: importing torch takes longer than most of these runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from descend.doctor.execution.forking import ForkServer, fork_server
from descend.doctor.execution.launch import run
from descend.doctor.record import Listener, Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

# A fork server imports these packages once. Most of the scripts that the tests run need them.
IMPORTS = "import numpy, sklearn.datasets, sklearn.model_selection, sklearn.preprocessing\n"


class SharedForkServer:
    """A fork server that many scripts share. tests/execution/test_forking.py checks that no run depends on it."""

    def __init__(self, imports: Script, stack: ExitStack) -> None:
        self._imports, self._stack = imports, stack
        self._server = stack.enter_context(fork_server(imports))

    def get(self) -> ForkServer:
        """Return the server, or a new one if forking has failed."""
        if self._server.has_failed:
            self._server = self._stack.enter_context(fork_server(self._imports))
        return self._server

    @contextmanager
    def for_script(self, script: Script) -> Iterator[ForkServer]:
        """Replace `fork_server`: yield the server, or a separate one for a script with another interpreter."""
        if script.python == self._imports.python:
            yield self.get()
        else:
            with fork_server(script) as separate:
                yield separate

    def run(self, script: Script, plan: Plan, record: Record, listen: Listener) -> Record:
        """Replace `launch.run` for commands that start a single run without a fork server."""
        with self.for_script(script) as server:
            return run(script, plan, record, listen, server)


@pytest.fixture(scope="session")
def shared_fork_server(tmp_path_factory) -> Iterator[SharedForkServer]:
    path = tmp_path_factory.mktemp("imports") / "imports.py"
    path.write_text(IMPORTS)
    with ExitStack() as stack:
        yield SharedForkServer(Script(path, path.parent), stack)
