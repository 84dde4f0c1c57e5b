"""The writer never stops a run: it keeps messages that it cannot save, reports this once and tries again."""

import sqlite3

import pytest
from sqlalchemy import event
from waiting import comes

from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.record import writer as writing
from descend.doctor.record.store import open_store


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(writing, "INTERVAL_S", 0.05)


def test_messages_are_committed_without_closing(tmp_path, quick):
    with open_store(tmp_path) as store:
        number = store.begin(Record())
        with store.writer(number) as writer:
            writer.add([Reading("loss", "", 0, 1.0)])
            assert comes(lambda: len(store.load(number).series("loss")) == 1)


@pytest.mark.slow
def test_a_full_disk_is_reported_and_does_not_stop_the_run(tmp_path, quick):
    pages = {"max": 40}
    with open_store(tmp_path) as store:
        store.close()  # so that the next connections are made under the limit
        event.listen(store.engine, "begin", lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages['max']}"))
        record = Record()
        with store.writer(store.begin(record)) as writer:
            batch = [Reading(f"quantity {i}", "", i, 0.5) for i in range(3000)]
            writer.add(batch)
            assert comes(lambda: writer.failure)
            assert "cannot grow because the disk is full" in writer.failure
            assert store.load(record.run).readings == {}  # either all messages are saved or no message is
            later = [Fact.of(facts.BackwardPasses(3), 1)]
            writer.add(later)
            pages["max"] = 100_000  # the disk has space again
            assert comes(lambda: writer.failure is None)
        record.extend(batch + later)
        assert store.load(record.run) == record


def test_unsaved_messages_are_still_reported_after_closing(tmp_path, quick):
    with open_store(tmp_path, timeout_s=0.05) as store:
        number = store.begin(Record())
        other = sqlite3.connect(tmp_path / "descend.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with store.writer(number) as writer:
            writer.add([Reading("loss", "", 0, 1.0)])
        assert writer.failure and "is locked by another process" in writer.failure
        other.close()


def test_a_value_that_cannot_be_stored_does_not_block_the_others(tmp_path, quick):
    with open_store(tmp_path) as store:
        number = store.begin(Record())
        with store.writer(number) as writer:
            writer.add([Reading("loss", "", 2**70, 1.0)])
            assert comes(lambda: writer.failure)
            assert "cannot be stored" in writer.failure
            writer.add([Reading("loss", "", 3, 1.0)])
        assert store.load(number).series("loss").steps == (3,)


def test_an_error_in_the_run_still_saves_what_it_measured(tmp_path):
    with open_store(tmp_path) as store:
        number = store.begin(Record())
        with pytest.raises(KeyboardInterrupt), store.writer(number) as writer:
            writer.add([Reading("loss", "", 0, 1.0)])
            raise KeyboardInterrupt
        assert len(store.load(number).series("loss")) == 1


def test_names_that_a_database_cannot_store_are_escaped(tmp_path):
    with open_store(tmp_path) as store:
        number = store.begin(Record(script="train.py \udcff"))
        with store.writer(number) as writer:
            writer.add([Reading("a\0b", "\udcff", 0, 1.0)])
        assert writer.failure is None
        assert list(store.load(number).readings) == [("a\\0b", "\\udcff")]
