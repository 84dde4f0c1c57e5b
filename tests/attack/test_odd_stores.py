"""A store from elsewhere holds what no store has: links, pipes, devices, views, triggers. No other file is changed."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from complaints import one_line

from descend.doctor.record import Ending, Record
from descend.doctor.record.store import open_store

from .kept_patches import OLD, keep_patch

READERS = (["runs"], ["diagnose"], ["report"], ["export"], ["apply"])
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
COLUMNS = "n AS number, 'exam' AS role, NULL AS parent, 's' AS script, '/' AS root, 0 AS seed, '{}' AS environment"


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    keep_patch(folder, "train.py")
    return folder / ".descend"


@pytest.fixture
def store(sound, tmp_path) -> Path:
    (tmp_path / "train.py").write_bytes(OLD)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "precious").chmod(0o644)
    return Path(shutil.copytree(sound, tmp_path / ".descend"))


def is_unchanged(folder: Path) -> bool:
    found = folder / "precious"
    return found.read_text() == "precious" and found.stat().st_mode & 0o777 == 0o644


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _second_name(path: Path) -> None:
    os.link(path.parents[1 + (path.parent.name == "1")] / "precious", path)


def _folder(path: Path) -> None:
    path.mkdir()


def _device(path: Path) -> None:
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))  # /dev/null: a character device that harms nothing


WAYS: dict[str, Callable[[Path], None]] = {"a pipe": _pipe, "a second name": _second_name, "a device": _device}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["descend.db", "descend.db-wal", "descend.db-shm", "descend.db-journal"])
def test_a_database_that_is_no_file_of_its_own(descend_here, tmp_path, store, name, way):
    if way == "a device" and os.geteuid():
        pytest.skip("only an administrator makes devices")
    (store / name).unlink(missing_ok=True)
    WAYS[way](store / name)
    for command in (["runs"], ["diagnose"], ["apply"], ["watch", "train.py"]):
        done = descend_here(*command)
        assert done.returncode == 2 and one_line(done.stderr, "delete it"), done.stderr
    assert is_unchanged(tmp_path) and (tmp_path / "train.py").read_bytes() == OLD


@pytest.mark.parametrize("way", [*WAYS, "a folder"])
@pytest.mark.parametrize("name", ["report.html", "fix.diff", "readings.parquet"])
def test_a_report_that_is_no_file_of_its_own(descend_here, tmp_path, store, name, way):
    if way == "a device" and os.geteuid():
        pytest.skip("only an administrator makes devices")
    (store / "1").mkdir()
    {**WAYS, "a folder": _folder}[way](store / "1" / name)
    for command in ("report", "export"):
        done = descend_here(command)
        is_other = way == "a folder" and name not in ("report.html" if command == "report" else "readings.parquet")
        assert done.returncode == (0 if is_other else 2) and one_line(done.stderr) is not is_other, done.stderr
    assert is_unchanged(tmp_path)


@pytest.mark.parametrize("name", [".descend-x", ".descend-run-x", "train.py"])
def test_a_pipe_in_the_project_does_not_hold_up_a_patch(descend_here, tmp_path, store, name):
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    done = descend_here("apply")
    assert done.returncode == (2 if name == "train.py" else 0), done.stderr
    assert one_line(done.stderr, "no longer a file" if name == "train.py" else "wrote train.py")


@pytest.mark.parametrize("file", ["/proc/kmsg", "/proc/kcore", "/sys/kernel/debug/tracing/trace_pipe", "/dev/zero"])
def test_a_file_that_a_store_names_is_not_read_without_an_end(descend_here, tmp_path, file):
    if not os.path.exists(file):
        pytest.skip("this system has none")
    keep_patch(tmp_path, file)
    done = descend_here("apply")
    assert done.returncode == 2 and one_line(done.stderr), done.stderr


STATEMENTS = {
    "a view without an end": [
        "ALTER TABLE runs RENAME TO other",
        f"CREATE VIEW runs AS {ENDLESS} SELECT {COLUMNS}, '2020' AS started, NULL AS ending FROM c",
    ],
    "a trigger without an end": [
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN INSERT INTO meta "
        f"SELECT n, n FROM ({ENDLESS} SELECT n FROM c); END"
    ],
    "a trigger that deletes": ["CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"],
    "a trigger that speaks": ["CREATE TRIGGER t AFTER INSERT ON runs BEGIN SELECT raise(FAIL, '\x1b[2J'); END"],
    "a schema of 5000 digits": [f"UPDATE meta SET value = '{'9' * 5000}' WHERE key = 'schema'"],
    "a schema that is a power": ["UPDATE meta SET value = '²' WHERE key = 'schema'"],
    "no table of parts": ["DROP TABLE parts"],
    "no column of seeds": ["ALTER TABLE runs DROP COLUMN seed"],
    "another program's": ["DROP TABLE meta"],
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_tables_that_no_store_has(descend_here, tmp_path, store, name):
    connection = sqlite3.connect(store / "descend.db", isolation_level=None)
    for statement in STATEMENTS[name]:
        connection.execute(statement)
    connection.close()
    before = (store / "descend.db").read_bytes()
    for command in (["runs"], ["diagnose"], ["apply"], ["watch", "train.py"]):
        done = descend_here(*command)
        assert done.returncode == 2 and one_line(done.stderr) and "\x1b" not in done.stderr, (command, done.stderr)
        if "column" in name or "parts" in name:
            return
    assert (store / "descend.db").read_bytes() == before


@pytest.mark.parametrize("kind", ["a text", "another program's database"])
def test_what_is_no_store_is_left_as_it_is(descend_here, tmp_path, kind):
    file = tmp_path / "other.db"
    if kind == "a text":
        file.write_text("root:x:0:0\n" * 100)
    else:
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE cookies (a)")
        connection.close()
    file.chmod(0o644)
    before = file.read_bytes()
    (tmp_path / "train.py").write_text("")
    for command in (["runs"], ["watch"], ["doctor"]):
        done = descend_here(*command, "--store", f"sqlite:///{file}", *(["train.py"] if command != ["runs"] else []))
        assert done.returncode == 2 and "other.db is" in done.stderr, done.stderr
    assert file.read_bytes() == before and file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db", "train.py"]


URLS = [
    "://", "x://", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?timeout=x", "sqlite:///a.db?check_same_thread=x",
    "postgresql+psycopg://u:hunter22x@h:x/d", "postgresql+psycopg://u:hunter22x@[::1/d",
    "postgresql+psycopg://u:hunter22x@127.0.0.1:99999/d", "postgresql+psycopg://u:hunter22x@127.0.0.1:1/\x1b[2J",
    "postgresql+psycopg://u@127.0.0.1:1/d?password=hunter22x", "postgresql+psycopg://u:hunter22x@127.0.0.1:1/d?x=y",
    "mysql+nosuch://u:hunter22x@h/d", "sqlite:////dev/null", "sqlite:////tmp", "sqlite:////no/such/a.db",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_leads_to_no_store(descend_here, tmp_path, url):
    (tmp_path / "train.py").write_text("")
    for command in (["runs", "--store", url], ["watch", "--store", url, "train.py"]):
        done = descend_here(*command)
        assert done.returncode == 2 and one_line(done.stderr) and "hunter22x" not in done.stderr, done.stderr
        assert "\x1b" not in done.stderr


@pytest.mark.parametrize("where", ["", "a" * 5000, "train.py", "train.py/x", "loop", "pipe", "/proc"])
def test_a_folder_that_can_be_no_store(descend_here, tmp_path, where):
    (tmp_path / "train.py").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for command in (["runs", "--store", where], ["doctor", "--store", where, "train.py"])[: 2 if where else 1]:
        done = descend_here(*command)
        assert done.returncode == 2 and one_line(done.stderr), done.stderr


def test_a_page_is_not_written_through_a_link_that_was_there_first(descend_here, tmp_path):
    (tmp_path / "precious").write_text("precious")
    for name in ("schedule.html", f".schedule.html.{os.getpid()}"):
        (tmp_path / name).symlink_to("precious")
    assert descend_here("lab", "schedule", "Cosine(10)").returncode == 0
    assert (tmp_path / "precious").read_text() == "precious" and not (tmp_path / "schedule.html").is_symlink()


def test_many_runs_of_a_damaged_clock_are_listed(descend_here, tmp_path):
    record = Record(0, "watch", None, "train.py", str(tmp_path), 0, {"python": "3"})
    record.add(Ending("finished", 0, 4))
    times = ["1970-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "2026-11-28T12:00:00+14:00", "0001-01-01"]
    with open_store(tmp_path / ".descend") as store:
        for _ in times:
            store.save(record)
    connection = sqlite3.connect(tmp_path / ".descend" / "descend.db", isolation_level=None)
    for number, started in enumerate(times, 1):
        connection.execute("UPDATE runs SET started = ? WHERE number = ?", (started, number))
    connection.close()
    done = descend_here("runs")
    assert done.returncode == 0 and done.stdout.count("train.py") == len(times), done.stdout
