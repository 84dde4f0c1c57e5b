"""Faults in the middle: a killed parent, a store that is gone, a full disk, many writers, clocks that jump."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from complaints import complaints, one_line
from sampling import sampled

from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record import store as store_module
from descend.doctor.record.store import open_existing, open_store

from .faults import DESCEND, FATES, Command
from .world import levels, none_left, skip_unless_reached

OURS = 'File "' + str(Path(__file__).parents[2] / "src")
ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOMENTS = 20  # for each level; `make test` tries one
LATEST_S = 12.0  # after the start: from the first import to the trials


@pytest.fixture
def begun(tmp_path) -> Iterator[list[Command]]:
    commands: list[Command] = []
    yield commands
    for command in commands:
        command.clear()


@pytest.mark.slow
@levels
@pytest.mark.parametrize("moment", sampled(range(MOMENTS), 7))
def test_nothing_is_left_of_a_parent_that_ends_at_a_random_moment(tmp_path, begun, level, moment):
    skip_unless_reached(level)
    chosen = random.Random(f"{level} {moment}")
    command = Command(tmp_path, "doctor", "--select", "no_zero_grad", "--seeds", "2", "--sandbox", level)
    begun.append(command)
    time.sleep(chosen.uniform(0, LATEST_S))
    command.kill(ENDINGS[moment % len(ENDINGS)])
    assert none_left(command.name)
    (tmp_path / "none.py").write_text("raise SystemExit(3)\n")
    environment = {**os.environ, "TMPDIR": str(command.temporary), "OMP_NUM_THREADS": "1"}
    after = [*DESCEND, "doctor", "--sandbox", level, "none.py"]
    done = subprocess.run(after, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 3 and OURS not in done.stderr, done.stderr
    assert list(command.temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {".descend", "temporary", "train.py", "none.py"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["watch", "doctor"])
@pytest.mark.parametrize("fate", sampled(FATES, "vanishes"))
def test_a_store_that_is_lost_takes_neither_the_training_nor_the_verdict(tmp_path, begun, name, fate):
    options = ["--select", "no_zero_grad", "--seeds", "2", "--jobs", "1"] if name == "doctor" else []
    command = Command(tmp_path, name, *options, steps=150)
    begun.append(command)
    command.until_recorded()
    FATES[fate](tmp_path / ".descend")
    status, out, err = command.ended()
    assert OURS not in err and "Traceback" not in err, err
    assert status == (0 if name == "watch" else 1), (status, err)
    assert "new gradients were added" in out + err
    assert "descend.db" in err, err  # the user learns that the store was lost
    if name == "doctor":
        assert "verdict" in out


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator mounts")
def test_a_disk_that_is_full_takes_no_verdict(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    (tmp_path / "train.py").write_text(
        Path(__file__).with_name("faults.py").read_text().split('"""')[3].format(name="full", steps=60, pause=0)
    )
    program = f"""
        import subprocess, sys
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", {str(small)!r}], check=True)
        command = [sys.executable, "-m", "descend", "doctor", "--select", "no_zero_grad", "--seeds", "2", "--jobs", "1"]
        sys.exit(subprocess.run([*command, "--store", {str(small)!r} + "/store", "train.py"]).returncode)
    """
    command = ["unshare", "--mount", sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no namespace of mounts can be made here")
    assert done.returncode == 1 and "verdict" in done.stdout and "Traceback" not in done.stderr, done.stderr
    assert "not everything could be kept" in complaints(done.stderr)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("closed", sampled(["<&- >&- 2>&-", ">&-", "2>&-", "<&- 2>&-"], "<&- >&- 2>&-"))
@pytest.mark.parametrize("command", ["watch", "runs"])
def test_closed_standard_streams_lead_nothing_into_the_store(tmp_path, command, closed):
    (tmp_path / "train.py").write_text("import sys\nprint('said')\nprint('said', file=sys.stderr)\n")
    target = "train.py" if command == "watch" else ""
    shell = f"{sys.executable} -m descend {command} {target} {closed}"
    Command(tmp_path, "watch", steps=5, pause=0).ended()
    (tmp_path / "train.py").write_text("import os\nos.write(2, b'said')\nos.write(1, b'said')\n" * 100)
    subprocess.run(["sh", "-c", shell], cwd=tmp_path, capture_output=True)
    connection = sqlite3.connect(tmp_path / ".descend" / "descend.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


WRITER = """
import sys
from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record.store import open_store
for _ in range(int(sys.argv[1])):
    record = Record(0, "watch", None, "train.py", "/", 0, {"python": "3"})
    record.extend(Reading("loss", "0", step, 1.0) for step in range(300))
    record.add(Ending("finished", 0, 300))
    with open_store("store") as store:
        store.save(record)
"""


@pytest.mark.slow
@pytest.mark.parametrize("runs", sampled([40, 200], 40))
def test_many_writers_of_one_store_lose_nothing(tmp_path, runs, monkeypatch):
    writers = 4
    command = [sys.executable, "-c", WRITER, str(runs // writers)]
    started = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(writers)]
    assert [process.communicate(timeout=300)[1] for process in started] == [""] * writers
    with open_existing(tmp_path / "store") as store:
        rows = store.runs(("watch",))
        assert len({row.number for row in rows}) == runs and {row.status for row in rows} == {"finished"}
        assert {len(store.load(row.number).series("loss", "0").values) for row in rows[:: runs // 8]} == {300}


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
