"""Run the scripts of tests/scripts under plain python and under observation in every role."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.doctor.execution.forking import ForkServer, fork_server
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Record
from descend.doctor.script.plan import CLOCK, Plan
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
HELD = ExitStack()


@dataclass(frozen=True)
class Seen:
    """One run of a script: the losses it wrote itself, and its record (None under plain python)."""

    own_log: dict
    record: Record | None = None

    @property
    def text(self) -> str:
        return json.dumps(self.own_log)

    @property
    def losses(self) -> dict[str, list[float]]:
        return self.own_log["losses"]


class Stage:
    """Run scripts that write their own losses to files outside the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, 0

    def plainly(self, name: str, *arguments: str) -> Seen:
        """Return the run of a script under plain python, which runs once for all tests."""
        return Seen(json.loads(written_plainly(name, *arguments)))

    def observed(self, role: str, name: str, *arguments: str, module: str | None = None, **plan) -> Seen:
        """Run a script under observation, with permission to write to its file."""
        file = self._file()
        script = Script(SCRIPTS / name, SCRIPTS, (str(file), *arguments), module)
        server = _server() if role in ("baseline", "trial_run") else None
        record = run_observed(script, role, server, allow_effects=True, **plan)
        assert record.ending.reason in ("finished", "window"), record.ending.error
        return Seen(json.loads(file.read_text()) if file.exists() else {}, record)

    def unharmed(self, name: str, *arguments: str) -> tuple[dict[str, list[float]], list[Record]]:
        """Run a script plainly and in both roles, and require equal losses; return the losses and the records."""
        plain = self.plainly(name, *arguments)
        records = []
        for role in ("watch", "baseline"):
            seen = self.observed(role, name, *arguments)
            assert seen.own_log == plain.own_log, role
            records.append(seen.record)
        return plain.losses, records

    def _file(self) -> Path:
        self.runs += 1
        return self.folder / f"seen-{self.runs}.json"


@functools.cache
def written_plainly(name: str, *arguments: str) -> str:
    """Run a script under plain python and return what it writes to its file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seen.json")
        command = [sys.executable, str(SCRIPTS / name), str(file), *arguments]
        done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return file.read_text()


def run_observed(script: Script, role: str = "baseline", server: ForkServer | None = None, **plan) -> Record:
    """Run a script under observation and return its record, which must contain no internal error."""
    chosen = Plan(role=role, **plan)
    record = run(script, chosen, new_record(script, chosen), server=server)
    assert not [note for note in record.notes if note.probe == "observer"], record.notes
    return record


@functools.cache
def _server() -> ForkServer:
    """Return one fork server for all tests, since a run must not depend on it."""
    return HELD.enter_context(fork_server(Script(SCRIPTS / "plain.py", SCRIPTS)))


@pytest.fixture(scope="session", autouse=True)
def held():
    with HELD:
        yield


@pytest.fixture(autouse=True)
def clock_of_steps(monkeypatch):
    """Let measurements depend on the number of steps instead of the speed of the machine."""
    monkeypatch.setenv(CLOCK, "steps")


@pytest.fixture
def clock_on_the_wall(monkeypatch, clock_of_steps):
    """Use real time in a test about time."""
    monkeypatch.delenv(CLOCK)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Use the same number of threads under plain python as in every role."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert Plan().threads == 1 or os.environ.get("OMP_NUM_THREADS") == "1"


@pytest.fixture
def observe():
    """Return a function that runs a script under observation and returns its record; our own runs are forked."""

    def run_forked(script: Script, role: str = "baseline", server: ForkServer | None = None, **plan) -> Record:
        is_forked = server is None and role in ("baseline", "trial_run") and script.python == sys.executable
        return run_observed(script, role, _server() if is_forked else server, **plan)

    return run_forked


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)
