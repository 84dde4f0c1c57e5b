"""What was recorded is read whatever became of it: cut off by a kill, in a store that is read-only, or damaged."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from complaints import one_line
from sampling import sampled
from waiting import comes

from descend.doctor.record import Cost, Ending, Fact, Note, Reading, Record, Site, facts
from descend.doctor.record.store import open_existing, open_store

TRAINING = """
import time, torch
torch.manual_seed(0)
x, y = torch.randn(256, 8), torch.randint(3, (256,))
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(10**9):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    time.sleep(0.01)
"""
READERS = (["diagnose"], ["diagnose", "--format", "json"], ["report"], ["runs"], ["export"])


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder in which a watched run was killed with all its processes: its write-ahead log remains."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "train.py").write_text(TRAINING)
    command = [sys.executable, "-m", "descend", "watch", "train.py"]
    run = subprocess.Popen(command, cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL)
    assert comes(lambda: steps_in(folder / ".descend") > 20, within=120, of=run)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert (folder / ".descend" / "descend.db-wal").stat().st_size
    return folder


def steps_in(store: Path) -> int:
    if not (store / "descend.db").exists():
        return 0
    connection = sqlite3.connect(f"file:{store / 'descend.db'}?mode=ro", uri=True)
    try:
        return connection.execute("select max(last_step) from parts").fetchone()[0] or 0
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


@pytest.fixture
def left(killed, tmp_path):
    """A copy of it, with its log."""
    return Path(shutil.copytree(killed, tmp_path / "left"))


@pytest.mark.slow
def test_what_a_killed_watcher_had_recorded_is_diagnosed(left, descend_here):
    found = descend_here("diagnose", cwd=left)
    text = " ".join(found.stdout.split())
    assert found.returncode == 1 and "radients are never cleared" in text, found.stderr
    assert "until the record ends" in text and "incomplete" not in text
    assert json.loads(descend_here("diagnose", "--format", "json", cwd=left).stdout)["steps"] > 0
    assert "unfinished" in descend_here("runs", cwd=left).stdout
    for command in ("report", "export"):
        done = descend_here(command, cwd=left)
        assert done.returncode == 0 and (left / done.stdout.strip()).exists(), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("state", sampled(["with its log", "with a log without its index", "closed"], "with its log"))
def test_a_read_only_store_is_read(left, descend, state):
    store = left / ".descend"
    if state == "closed":
        open_store(store).close()
    elif state == "with a log without its index":
        (store / "descend.db-shm").unlink()
    through = ordinary_user()
    for path in [*store.iterdir(), store]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    try:
        found = descend("diagnose", cwd=left, through=through)
        assert found.returncode == 1 and "radients are never cleared" in found.stdout, found.stderr
        assert "unfinished" in descend("runs", cwd=left, through=through).stdout
        page = descend("report", cwd=left, through=through)
        assert page.returncode == 2 and one_line(page.stderr, ".descend/1/report.html: Permission denied"), page.stderr
        table = descend("export", cwd=left, through=through)
        assert table.returncode == 2 and one_line(table.stderr, ".descend/1/readings.parquet"), table.stderr
        table = descend("export", "-o", "readings.parquet", cwd=left, through=through)
        assert table.returncode == 0 and (left / "readings.parquet").stat().st_size, table.stderr
    finally:
        store.chmod(0o755)
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before


@pytest.mark.slow
def test_a_store_that_may_not_be_read_is_said_to_be_one(left, descend):
    (left / ".descend" / "descend.db").chmod(0)
    done = descend("runs", cwd=left, through=ordinary_user("-dac_override,-dac_read_search"))
    assert done.returncode == 2 and one_line(done.stderr, "cannot be read: permission denied"), done.stderr


def ordinary_user(taken: str = "-dac_override") -> list[str]:
    """Return the prefix that runs a command without root's right to ignore the modes of files."""
    if os.getuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that from it")
    return ["setpriv", f"--bounding-set={taken}"]


# -- damage

LONG = "9" * 30


@pytest.fixture
def kept(tmp_path):
    """A store with one run in it that has a row in every table."""
    record = Record(0, "baseline", None, "train.py", str(tmp_path), 0, {"python": "3"})
    record.extend(Reading("loss", "0", step, 1.0) for step in (0, 1, 2, 5))
    record.extend([Fact.of(facts.BackwardPasses(3), 0), Note("tape", "none"), Cost("tape", 0.1, 2)])
    record.extend([Site("loss", "0", str(tmp_path / "train.py"), 3), Ending("finished", 0, 4)])
    with open_store(tmp_path / "store") as store:
        store.save(record)
        finding = {"id": "no_step"}
        store.save_case(1, [finding], [{"suspicions": [], "changes": []}])
    return tmp_path / "store"


def damage(store: Path, table: str, column: str, value: object) -> None:
    connection = sqlite3.connect(store / "descend.db", isolation_level=None)
    connection.execute("pragma ignore_check_constraints = on")
    connection.execute(f"update {table} set {column} = ?", (value,))
    connection.close()


DAMAGES = [
    (table, column, value)
    for table, columns in {
        "runs": ["environment", "ending", "started", "root"],
        "parts": ["data", "length", "steps", "series"],
        "observations": ["body", "kind"],
        "costs": ["body"],
        "findings": ["body"],
        "trials": ["body"],
    }.items()
    for column in columns
    for value in ("not JSON", b"\xff\x00\x01", "[]", '{"a": 1}')
    if (column, value) != ("root", "not JSON") and not (column == "root" and isinstance(value, str))
]


@pytest.mark.slow
@pytest.mark.parametrize("table, column, value", DAMAGES)
def test_a_damaged_row_is_one_line(kept, monkeypatch, capsys, table, column, value):
    damage(kept, table, column, value)
    for command in READERS:
        status, out, err = in_process(monkeypatch, capsys, [*command, "--store", str(kept)])
        assert "Traceback" not in err
        if status != 2:  # it may not need that table; the list shows the run, and that it is damaged
            assert command[0] in ("runs", "export", "report", "diagnose") and status in (0, 1)
            assert command[0] != "diagnose" or (table, column) == ("runs", "started"), (out, err)
        else:
            assert err.startswith("descend: ") and err.count("\n") == 1, err


def test_a_damaged_run_hides_no_other(kept, monkeypatch, capsys):
    with open_store(kept) as store:
        store.save(Record(0, "watch", None, "other.py", "/", 0, {}))
    connection = sqlite3.connect(kept / "descend.db", isolation_level=None)
    connection.execute("update runs set ending = 'none' where number = 1")
    connection.close()
    status, out, _ = in_process(monkeypatch, capsys, ["runs", "--store", str(kept)])
    assert status == 0 and "damaged" in out and "other.py" in out and "unfinished" in out


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2, 5])
def test_a_file_that_is_cut_off_or_overwritten_is_one_line(kept, monkeypatch, capsys, page):
    with open_store(kept) as store, store.engine.connect() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    path = kept / "descend.db"
    whole = path.read_bytes()
    for data in (whole[: page * 1000], whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :]):
        path.write_bytes(data)
        for command in READERS:
            status, _, err = in_process(monkeypatch, capsys, [*command, "--store", str(kept)])
            assert "Traceback" not in err and (status in (0, 1) or err.count("\n") == 1), err


@pytest.mark.slow
@pytest.mark.parametrize("number", ["0", "-1", "-7", LONG, f"-{LONG}", "seven", "1.5", "", "1e3", "٣"])
@pytest.mark.parametrize("command", ["diagnose", "report", "export", "apply"])
def test_a_number_that_no_run_has(kept, monkeypatch, capsys, command, number):
    status, out, err = in_process(monkeypatch, capsys, [command, "--store", str(kept), number])
    assert status == 2 and not out and err.startswith("descend: ") and err.count("\n") == 1, err


def test_a_report_reads_no_device_that_a_store_names(kept, monkeypatch, capsys):
    where = {"kind": "step", "key": "0", "file": "/dev/zero", "line": 1}
    shown = {"sentence": "s", "quantity": "q", "value": 1, "bound": 1, "source": "", "evidence": [], "explains": []}
    finding = {"id": "no_step", "kind": "wiring", "certain": True, "where": where, **shown}
    with open_store(kept) as store:
        store.save_case(1, [finding], [{"suspicions": [], "changes": []}])
    for command in READERS:
        status, _, err = in_process(monkeypatch, capsys, [*command, "--store", str(kept)])
        assert status in (0, 1), err


def test_a_folder_without_runs_stays_without(tmp_path, monkeypatch, capsys):
    for command in READERS:
        status, _, err = in_process(monkeypatch, capsys, [*command, "--store", str(tmp_path)])
        assert status == 2 and "no runs are recorded in" in err and not list(tmp_path.iterdir())


def in_process(monkeypatch, capsys, arguments: list[str]) -> tuple[int, str, str]:
    from descend.cli import main

    monkeypatch.setattr(sys, "argv", ["descend", *arguments])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def test_a_copy_for_reading_is_gone_afterwards(kept, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("descend.doctor.record.store.has_write_permission", lambda folder: False)
    holder = sqlite3.connect(kept / "descend.db")
    holder.execute("select * from meta").fetchall()
    with open_store(kept) as store:
        store.save(Record(0, "watch", None, "other.py", "/", 0, {}))
    monkeypatch.setattr(
        "descend.doctor.record.database._engine_with_option", lambda path, option, timeout: nowhere(path, timeout)
    )
    with open_existing(kept) as store:
        assert [row.script for row in store.runs()] == ["train.py", "other.py"]
        assert list((tmp_path / "temporary").iterdir())
    holder.close()
    assert not list((tmp_path / "temporary").iterdir())


def nowhere(path: Path, timeout: float):
    from sqlalchemy.engine import URL

    from descend.doctor.record.database import _create_sqlite_engine

    return _create_sqlite_engine(URL.create("sqlite", database="/nowhere/at/all"), timeout)
