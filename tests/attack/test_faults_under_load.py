"""Faults under load: a parent killed at random moments, a full disk, closed streams, many writers of one store."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest
from complaints import complaints
from sampling import sampled

from descend.doctor.record.store import open_existing
from descend.doctor.sandbox.promises import LEVELS

from .faults import DESCEND, OURS, TRAINING, Command
from .world import none_left, skip_unless_reached

ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOMENTS = 20  # for each level
LATEST_S = 12.0  # after the start: from the first import to the trials


@pytest.mark.slow
@pytest.mark.thorough  # test_leftovers.py ends the doctor at chosen moments
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_nothing_is_left_of_a_parent_that_ends_at_a_random_moment(tmp_path, level, moment):
    skip_unless_reached(level)
    chosen = random.Random(f"{level} {moment}")
    with Command(tmp_path, "doctor", "--select", "no_zero_grad", "--seeds", "2", "--sandbox", level) as command:
        time.sleep(chosen.uniform(0, LATEST_S))
        command.kill(ENDINGS[moment % len(ENDINGS)])
    assert none_left(command.name)
    (tmp_path / "none.py").write_text("raise SystemExit(3)\n")
    environment = {**os.environ, "TMPDIR": str(command.temporary), "OMP_NUM_THREADS": "1"}
    after = [*DESCEND, "doctor", "--sandbox", level, "none.py"]
    done = subprocess.run(after, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 4 and OURS not in done.stderr, done.stderr
    assert list(command.temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {".descend", "temporary", "train.py", "none.py"}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator mounts")
@pytest.mark.thorough
def test_a_disk_that_is_full_takes_no_verdict(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    (tmp_path / "train.py").write_text(TRAINING.format(name="full", steps=60, pause=0))
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
    assert "some results could not be stored" in complaints(done.stderr)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("closed", sampled(["<&- >&- 2>&-", ">&-", "2>&-", "<&- 2>&-"], "<&- >&- 2>&-"))
@pytest.mark.parametrize("command", sampled(["watch", "runs"], "watch"))
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
