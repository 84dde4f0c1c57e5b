"""Runs are read back unchanged, with other writers and with disk errors."""

import os
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend.core.errors import UsageError
from descend.doctor.record import Cost, Effect, Ending, Fact, Note, Reading, Record, Site, schema
from descend.doctor.record.store import FIRST_INNER, open_store

from .test_wire import message


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path) as opened:
        yield opened


def bits(record: Record) -> Record:
    """The record with its values as bits, since NaN is unequal to itself and -0.0 equal to 0.0."""
    record.readings = {
        key: (steps, [struct.pack("<d", value) for value in values])  # type: ignore[misc]
        for key, (steps, values) in record.readings.items()
    }
    return record


def written_and_loaded(store, record: Record, messages: list, cut: int) -> Record:
    """Add the messages to the record and to the store; a second writer goes on where the first one ended."""
    store.begin(record)
    for batch in (messages[:cut], messages[cut:]):
        with store.writer(record.run) as writer:
            writer.add(batch)
        assert writer.failure is None
        record.extend(batch)
    return store.load(record.run)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(messages=st.lists(message, max_size=40), cut=st.integers(0, 40))
def test_stored_messages_are_loaded_unchanged(tmp_path_factory, messages, cut):
    record = Record(script="train.py --épochs 3", seed=-7, environment={"torch": "2.13", "größe": "λ"})
    with open_store(tmp_path_factory.mktemp("store")) as store:
        loaded = written_and_loaded(store, record, messages, cut)
    assert list(loaded.readings) == list(record.readings)
    assert bits(loaded) == bits(record)


def test_a_long_series_of_many_commits_is_loaded_completely(store, monkeypatch):
    monkeypatch.setattr("descend.doctor.record.writer.INTERVAL_S", 3600)  # the commits here are the only ones
    record = Record()
    with store.writer(store.begin(record)) as writer:
        for start in range(0, 2000, 37):
            batch = [Reading("loss", "", step, step / 3) for step in range(start, start + 37)]
            batch += [Reading("spikes", "0", step * step, 1.0) for step in range(start, start + 37, 5)]
            record.extend(batch)
            writer.add(batch)
            writer._save_messages()
    assert store.load(record.run) == record
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("select count(*) from parts").scalar()
    assert rows < 20


def test_a_whole_record_can_be_saved_at_once(store):
    record = Record(role="trial_run", parent=1, seed=3)
    record.extend(
        [
            Reading("loss", "", 0, 2.0),
            Fact("rule", "0", 0, {"lr": float("inf"), "betas": [0.9, 0.999]}),
            Site("optimizer", "0", "/p/train.py", 12),
            Effect("write", "/p/out.pt", True),
            Note("curvature", "no tape"),
            Cost("curvature", 0.5, 3),
            Cost("curvature", 0.7, 4),
            Ending("window", 0, 300, 4.0, 3.0, 0.1, "ab12"),
        ]
    )
    store.save(record)
    assert store.load(record.run) == record


def test_a_run_that_never_ended_is_loaded_without_an_ending(store):
    number = store.begin(Record(script="train.py"))
    with store.writer(number) as writer:
        writer.add([Reading("loss", "", 41, 0.5)])
    assert store.load(number).ending is None
    (row,) = store.runs()
    assert (row.status, row.steps, row.findings) == ("unfinished", 41, 0)


def test_the_list_of_runs(store):
    baseline = Record(script="train.py --lr 1")
    store.begin(baseline)
    for role, parent in (("watch", None), ("trial_run", baseline.run), ("trial_run", baseline.run)):
        store.begin(Record(role=role, parent=parent))
    baseline.ending = Ending("window", 0, steps=300)
    baseline.environment = {"torch": "2.13.0"}
    store.finish(baseline)
    store.save_case(baseline.run, [{"id": "instability"}, {"id": "dead_units"}], [])
    rows = store.runs()
    assert [(row.number, row.role, row.status, row.steps, row.findings) for row in rows] == [
        (1, "baseline", "window", 300, 2),
        (2, "watch", "unfinished", 0, 0),
    ]
    assert rows[0].script == "train.py --lr 1"
    assert rows[0].started.tzinfo is not None
    assert store.load(1).environment == {"torch": "2.13.0"}
    kept = [(number, record.parent, record.role) for number, record in store.trial_runs(1).items()]
    assert kept == [(FIRST_INNER, 1, "trial_run"), (FIRST_INNER + 1, 1, "trial_run")]
    assert [row.number for row in store.runs(("trial_run",))] == [FIRST_INNER, FIRST_INNER + 1]


def test_listed_runs_are_numbered_without_gaps_whatever_is_inside_them(store):
    numbers = []
    for role in ("baseline", "watch", "baseline"):
        numbers.append(store.begin(Record(role=role)))
        inner = store.begin(Record(role="baseline", parent=numbers[-1]))
        for _ in range(3):
            store.begin(Record(role="trial_run", parent=inner))
    assert numbers == [1, 2, 3] == [row.number for row in store.runs()]
    assert [store.number(None), *map(store.number, numbers)] == [3, 1, 2, 3]
    with pytest.raises(UsageError, match=r"existing runs: 1, 2, 3$"):
        store.number(4)


def test_the_number_of_a_trial_in_an_older_store_is_refused(store):
    with store.engine.begin() as connection:
        row = {"script": "train.py", "root": "/", "seed": 0, "environment": "{}", "started": "2026-01-01T00:00:00"}
        rows = [(1, "baseline", None), (2, "trial_run", 1), (3, "trial_run", 1), (4, "baseline", None)]
        for number, role, parent in rows:
            connection.execute(schema.runs.insert().values(row | {"number": number, "role": role, "parent": parent}))
    assert [row.number for row in store.runs()] == [1, 4] and store.number(4) == 4
    with pytest.raises(UsageError, match=r"run 2 in .* belongs to another run; descend runs lists the runs"):
        store.number(2)
    assert store.begin(Record()) == 5 and store.begin(Record(role="trial_run", parent=5)) == FIRST_INNER


def test_a_case_is_kept_in_order_and_replaced(store):
    number = store.begin(Record())
    store.save_case(number, [{"id": "old"}] * 3, [{"verdict": "old"}])
    findings = [{"id": "instability", "value": float("inf"), "where": None}, {"id": "dead_units"}]
    trials = [{"label": "learning rate 0.5 → 0.09", "diff": "--- a\n+++ b\n", "seeds": (1, 2)}]
    store.save_case(number, findings, trials)
    trials[0]["seeds"] = [1, 2]
    assert store.load_case(number) == (findings, trials)


def test_the_error_for_an_unknown_run_lists_the_existing_runs(store):
    with pytest.raises(UsageError, match=r"no run 7 in .*descend\.db: no runs are recorded yet"):
        store.load(7)
    for _ in range(25):
        store.begin(Record())
    with pytest.raises(UsageError, match=r"no run 99 .*; existing runs: … 6, 7, .*, 25$"):
        store.load_case(99)


@pytest.mark.slow
def test_many_readings_are_loaded(store):
    number = store.begin(Record())
    for start in range(0, 2_000, 250):
        steps = range(start, start + 250)
        with store.writer(number) as writer:
            writer.add(Reading(f"quantity {i}", "0", step, 0.1 * step) for step in steps for i in range(100))
    record = store.load(number)
    assert sum(len(values) for _, values in record.readings.values()) == 200_000


WRITES = """
import sys, time
from pathlib import Path
from descend.doctor.record import Reading, Record
from descend.doctor.record.store import FIRST_INNER, open_store
store = open_store(Path(sys.argv[1]))
number = store.begin(Record(script="train.py"))
with store.writer(number) as writer:
    for step in range(int(sys.argv[2])):
        writer.add([Reading("loss", "", step, 1 / (1 + step))])
        time.sleep(float(sys.argv[3]))
        print(step, flush=True)
print(number, writer.failure)
"""


def start_writer(folder: Path, steps: int, pause: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITES, str(folder), str(steps), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_process_loses_about_its_last_second(tmp_path):
    process = start_writer(tmp_path, 100_000, 0.01)
    assert process.stdout
    began = None
    written = 0
    for line in process.stdout:
        written = int(line)
        began = began or time.monotonic()
        if time.monotonic() - began > 2.5:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with open_store(tmp_path) as store:
        record = store.load(1)
    kept = record.series("loss")
    assert record.ending is None
    assert kept.steps == tuple(range(len(kept)))
    assert kept.values == tuple(1 / (1 + step) for step in kept.steps)
    assert written - len(kept) < 180  # 1 s at 100 a second, with a margin for a busy machine
    assert len(kept) > 0


@pytest.mark.slow
def test_several_processes_write_at_once(tmp_path):
    processes = [start_writer(tmp_path, 300, 0.005) for _ in range(4)]
    last = [process.communicate(timeout=300)[0].splitlines()[-1].split() for process in processes]
    assert {failure for _, failure in last} == {"None"}
    assert sorted(int(number) for number, _ in last) == [1, 2, 3, 4]
    with open_store(tmp_path) as store:
        assert all(len(store.load(int(number)).series("loss")) == 300 for number, _ in last)


def test_many_processes_can_open_a_new_store_at_the_same_time(tmp_path):
    def begin(_: int) -> int:
        with open_store(tmp_path / "new" / "store") as store:
            return store.begin(Record())

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(begin, range(16))) == list(range(1, 17))


def test_a_journal_that_another_process_has_just_deleted_is_no_special_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "lexists", lambda path: True)
    with open_store(tmp_path / "store") as store:
        assert store.begin(Record()) == 1


def test_a_run_that_gets_a_parent_is_not_listed(store):
    numbers = [store.save(Record(role="baseline")) for _ in range(3)]
    store.set_parent(numbers[::2], numbers[1])
    assert [row.number for row in store.runs()] == [store.number(None)] == [numbers[1]]
    with pytest.raises(UsageError, match="belongs to another run"):
        store.number(numbers[2])
    assert store.save(Record(role="baseline")) == numbers[-1] + 1


def test_git_ignores_a_store_only_if_descend_has_created_its_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    for name in (".descend", "mine"):
        open_store(tmp_path / name).close()
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    listed = subprocess.run(["git", "status", "--short", "-uall"], cwd=tmp_path, capture_output=True, text=True)
    assert listed.stdout == "?? mine/descend.db\n"
