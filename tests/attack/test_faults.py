"""Faults in the middle: a store that is gone, clocks that jump, a store copied while it is written."""

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from complaints import one_line
from sampling import sampled

from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record import store as store_module
from descend.doctor.record.store import open_store

from .faults import FATES, OURS, Command


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["watch", "doctor"], "watch"))
@pytest.mark.parametrize("fate", sampled(FATES, "vanishes"))
def test_a_store_that_is_lost_takes_neither_the_training_nor_the_verdict(tmp_path, name, fate):
    options = ["--select", "no_zero_grad", "--seeds", "2", "--jobs", "1"] if name == "doctor" else []
    with Command(tmp_path, name, *options, steps=150 if name == "watch" else 40) as command:
        command.until_recorded()
        FATES[fate](tmp_path / ".descend")
        status, out, err = command.ended()
    assert OURS not in err and "Traceback" not in err, err
    assert status == (0 if name == "watch" else 1), (status, err)
    assert "new gradients were added" in out + err
    assert "descend.db" in err, err  # the user learns that the store was lost
    if name == "doctor":
        assert "verdict" in out


class _Clock(datetime):
    """A clock that jumps back a day, and forward a century, at each look."""

    jumps = iter([timedelta(days=-1), timedelta(days=36525), timedelta(0)] * 10)

    @classmethod
    def now(cls, tz=None):
        return datetime.now(UTC) + next(cls.jumps)


def test_a_clock_that_jumps_changes_no_order(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "datetime", _Clock)
    with open_store(tmp_path / "store") as store:
        numbers = []
        for _ in range(6):
            record = Record(0, "watch", None, "train.py", "/", 0, {"python": "3"})
            record.extend([Reading("loss", "0", 0, 1.0), Ending("finished", 0, 1)])
            numbers.append(store.save(record))
        assert [row.number for row in store.runs()] == numbers == list(range(1, 7)) and store.number(None) == 6
        assert store.ranks(store.load(6)) == {}


def test_a_copy_of_a_store_in_use_is_read_or_refused(descend_here, tmp_path):
    with open_store(tmp_path / "store") as store:
        store.save(Record(0, "watch", None, "train.py", "/", 0, {"python": "3"}))
        shutil.copytree(tmp_path / "store", tmp_path / ".descend")
    (tmp_path / ".descend" / "descend.db-shm").unlink(missing_ok=True)
    wal = tmp_path / ".descend" / "descend.db-wal"
    if wal.exists():
        os.truncate(wal, wal.stat().st_size // 2)
    done = descend_here("runs")
    assert done.returncode == 0 or (done.returncode == 2 and one_line(done.stderr)), done.stderr
