"""What stands beside a run in earnest tells what it knows, and never ends it."""

import sqlite3
from pathlib import Path

from descend.record import Ending, Fact, Reading, Record
from descend.record.store import open_store
from descend.watching import alerts
from descend.watching.watchman import Watchman


def forgetful() -> Record:
    """A run that never clears its gradients."""
    record = Record(role="watch", script="train.py", root="/somewhere")
    for step in range(8):
        record.add(Reading("loss", "0", step, 1.0))
    record.add(Fact("optimizer", "0", 0, {"class": "SGD", "lr": 0.1}))
    return record


def test_a_mistake_of_ours_is_said_once_and_the_run_is_kept(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("ours")

    said: list[str] = []
    monkeypatch.setattr(alerts, "diagnose", broken)
    watchman, record = Watchman(Path("/somewhere"), said.append), forgetful()
    for _ in range(3):
        watchman.look(record, [])
    assert len(said) == 1 and "ZeroDivisionError: ours" in said[0]
    record.add(Ending("finished", 0, 8))
    with open_store(tmp_path) as store:
        store.save(record)
        watchman.conclude(record, store)
        assert store.load_case(record.run)[1]
    assert "run 1, 8 steps" in said[-1]


def test_a_store_that_fails_at_the_end_is_said_and_ends_nothing(tmp_path):
    said: list[str] = []
    watchman, record = Watchman(Path("/somewhere"), said.append), forgetful()
    with open_store(tmp_path, timeout_s=0.05) as store:
        store.save(record)
        other = sqlite3.connect(tmp_path / "descend.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        watchman.conclude(record, store)
        other.close()
    assert any("locked" in line for line in said)
    assert "descend diagnose 1" in said[-1]
