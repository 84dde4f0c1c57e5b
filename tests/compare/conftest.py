"""Small scripts as people write them, observed once, and runs of their edited versions."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from descend.doctor.compare.choice import Choice
from descend.doctor.compare.field import make_choices
from descend.doctor.compare.requested import Requested
from descend.doctor.execution.launch import new_record
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class Observed:
    """A script, the record of its run, and a function that runs an edited version of it."""

    script: Script
    record: Record
    rerun: Callable[[Script], Record]

    def choices(self, requested: Requested | None = None, **options: object) -> tuple[list[Choice], list[str]]:
        """Return the choices for some options, and the messages about what is left out."""
        return make_choices(self.script, self.record, requested or replace(Requested(), **options))

    def edited(self, choice: Choice, **values: float) -> str:
        """Return the text of the script with a choice, at its first start unless other values are given."""
        return choice.edit(self.script, {**choice.starts[0], **values}).read(self.script.path)


@pytest.fixture
def observe(tmp_path: Path, shared_fork_server) -> Callable[..., Observed]:
    """Return a function that writes a script, runs it once under observation, and returns both."""

    def take(text: str, *arguments: str, name: str = "train.py", **files: str) -> Observed:
        for other, content in files.items():
            (tmp_path / f"{other}.py").write_text(content)
        (tmp_path / name).write_text(text)
        script = Script(tmp_path / name, tmp_path, arguments)

        def rerun(edited: Script, role: str = "trial_run") -> Record:
            plan = Plan(role=role, quick=True)
            record = shared_fork_server.run(edited, plan, new_record(edited, plan), lambda messages: None)
            assert record.ending.reason == "finished", record.ending.error
            return record

        return Observed(script, rerun(script, "baseline"), rerun)

    return take
