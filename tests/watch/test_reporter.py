"""The watcher of a running training reports its findings and never ends the training."""

import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "symptoms"))

from sick_first_steps import no_zero_grad

from descend.doctor.commands.watch import alerts
from descend.doctor.commands.watch.reporter import Reporter
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.record.store import open_store


def forgetful() -> Record:
    """Return the record of a run that never clears its gradients."""
    record = Record(role="watch", script="train.py", root="/somewhere")
    for step in range(8):
        record.add(Reading("loss", "0", step, 1.0))
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1), 0, "0"))
    return record


def test_an_internal_error_is_printed_once_and_the_run_is_stored(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    said: list[str] = []
    monkeypatch.setattr(alerts, "diagnose", broken)
    reporter, record = Reporter(Path("/somewhere"), said.append), forgetful()
    for _ in range(3):
        reporter.update(record, [])
    assert len(said) == 1 and "ZeroDivisionError: ours" in said[0]
    record.add(Ending("finished", 0, 8, wall_s=1.0))
    with open_store(tmp_path) as store:
        store.save(record)
        reporter.conclude(record, store)
        assert store.load_case(record.run)[1]
    assert "run 1, 8 steps" in said[-1]


def test_a_store_that_fails_at_the_end_is_reported(tmp_path):
    said: list[str] = []
    reporter, record = Reporter(Path("/somewhere"), said.append), forgetful()
    with open_store(tmp_path, timeout_s=0.05) as store:
        store.save(record)
        other = sqlite3.connect(tmp_path / "descend.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        reporter.conclude(record, store)
        other.close()
    assert any("locked" in line for line in said)
    assert "descend diagnose 1" in said[-1]


def test_findings_of_the_previous_run_are_not_reported_again(tmp_path):
    said: list[str] = []
    with open_store(tmp_path) as store:
        for role, script in (("watch", "train.py"), ("baseline", "train.py"), ("watch", "other.py")):
            earlier = no_zero_grad()
            earlier.role, earlier.script = role, script
            store.save(earlier)
        for script, finds in (("train.py", False), ("new.py", True)):
            said.clear()
            reporter, record = Reporter(Path("/somewhere"), said.append), no_zero_grad()
            reporter.resume(store, script)
            reporter.update(record, record.readings)
            assert ("resuming run 1; already reported: no_zero_grad" in said) != finds
            assert any(line.startswith("finding: ") for line in said) == finds
