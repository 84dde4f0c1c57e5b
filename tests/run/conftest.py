"""Runs the victims of tests/scripts: under plain python, and under observation in every role."""

import functools
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.doctor.record import Record
from descend.doctor.run.forking import ForkServer, forking
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import CLOCK, Plan
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
HELD = ExitStack()


@dataclass(frozen=True)
class Seen:
    """One run of a victim: what it saw itself, and what was recorded (None under plain python)."""

    own_log: dict
    record: Record | None = None

    @property
    def text(self) -> str:
        return json.dumps(self.own_log)

    @property
    def losses(self) -> dict[str, list[float]]:
        return self.own_log["losses"]


class Stage:
    """Runs victims; what they see goes to files of their own, outside the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, 0

    def plainly(self, name: str, *arguments: str) -> Seen:
        """Run a victim under plain python."""
        file = self._file()
        command = [sys.executable, str(SCRIPTS / name), str(file), *arguments]
        done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return Seen(json.loads(file.read_text()))

    def observed(self, role: str, name: str, *arguments: str, module: str | None = None, **plan) -> Seen:
        """Run a victim under observation; it may write to its file."""
        file = self._file()
        script = Script(SCRIPTS / name, SCRIPTS, (str(file), *arguments), module)
        server = _server() if role in ("baseline", "trial_run") else None
        record = run_observed(script, role, server, allow_effects=True, **plan)
        assert record.ending.reason in ("finished", "window"), record.ending.error
        return Seen(json.loads(file.read_text()) if file.exists() else {}, record)

    def unharmed(self, name: str, *arguments: str) -> tuple[dict[str, list[float]], list[Record]]:
        """Run a victim plainly and in both roles: it must see the same. Return its losses, and the records."""
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


def run_observed(script: Script, role: str = "baseline", server: ForkServer | None = None, **plan) -> Record:
    """Run a script under observation and return its record; the observer must not have stumbled."""
    chosen = Plan(role=role, **plan)
    record = run(script, chosen, new_record(script, chosen), server=server)
    assert not [note for note in record.notes if note.probe == "observer"], record.notes
    return record


@functools.cache
def _server() -> ForkServer:
    """One for all victims: what a run sees must not depend on it."""
    return HELD.enter_context(forking(Script(SCRIPTS / "plain.py", SCRIPTS)))


@pytest.fixture(scope="session", autouse=True)
def held():
    with HELD:
        yield


@pytest.fixture(autouse=True)
def clock_of_steps(monkeypatch):
    """How often a run is looked at depends on its steps, and not on how busy the machine is."""
    monkeypatch.setenv(CLOCK, "steps")


@pytest.fixture
def clock_on_the_wall(monkeypatch, clock_of_steps):
    """For what is about time."""
    monkeypatch.delenv(CLOCK)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """The same thread count under plain python as in every role."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert Plan().threads == 1 or os.environ.get("OMP_NUM_THREADS") == "1"


@pytest.fixture
def observe():
    """Run a script under observation and return its record: forked where the run is ours, as in a consultation."""

    def run_forked(script: Script, role: str = "baseline", server: ForkServer | None = None, **plan) -> Record:
        is_forked = server is None and role in ("baseline", "trial_run") and script.python == sys.executable
        return run_observed(script, role, _server() if is_forked else server, **plan)

    return run_forked


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)
