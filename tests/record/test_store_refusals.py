"""The error for a store that cannot be opened says why in one line, and files of other programs stay unchanged."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor.record import Record
from descend.doctor.record.store import open_store


def refused(where: Path | str, timeout_s: float = 0.2) -> str:
    with pytest.raises(UsageError) as caught:
        open_store(where, timeout_s)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_not_a_database_is_refused(tmp_path):
    (tmp_path / "descend.db").write_text("loss 0.5\n" * 500)
    assert "is not a database; move it away" in refused(tmp_path)


def test_a_database_of_another_program_is_left_unchanged(tmp_path):
    other = sqlite3.connect(tmp_path / "descend.db")
    other.execute("create table customers (name)")
    other.close()
    assert "is a database of another program" in refused(tmp_path)
    other = sqlite3.connect(tmp_path / "descend.db")
    assert other.execute("select name from sqlite_master").fetchall() == [("customers",)]
    other.close()


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    with open_store(tmp_path) as store, store.engine.connect() as connection:
        connection.exec_driver_sql("update meta set value = '99'")
        connection.commit()
    assert "written by a newer version of descend (schema 99; this version reads up to 1)" in refused(tmp_path)


def test_a_folder_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert "no store can be created in" in refused(tmp_path / "file" / "store")
    assert "no store can be created in /proc/descend" in refused(Path("/proc/descend"))


def test_a_locked_database_is_reported_after_a_while(tmp_path):
    with open_store(tmp_path, timeout_s=0.2) as store:
        other = sqlite3.connect(tmp_path / "descend.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UsageError, match=r"descend\.db is locked by another process"):
            store.begin(Record())
        assert store.runs() == []  # readers do not wait
        other.execute("COMMIT")
        other.close()
        assert store.begin(Record()) == 1


def test_a_database_that_is_locked_while_it_is_opened_is_reported(tmp_path):
    other = sqlite3.connect(tmp_path / "descend.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked by another process" in refused(tmp_path, timeout_s=0.4)
    other.close()


READ_ONLY = """
import sys
from pathlib import Path
from descend.doctor.sandbox.landlock import restrict_writes
if not restrict_writes([]):
    print("no landlock")
    sys.exit()
from descend.core.errors import UsageError
from descend.doctor.record.store import open_store
for folder in map(Path, sys.argv[1:]):
    try:
        open_store(folder)
    except UsageError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_store_in_a_read_only_folder_is_refused(tmp_path):
    open_store(tmp_path / "old").close()
    command = [sys.executable, "-c", READ_ONLY, str(tmp_path / "old"), str(tmp_path / "new")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    if lines == ["no landlock"]:
        pytest.skip("the kernel has no Landlock to make a folder read-only for root")
    assert len(lines) == 2
    assert "with --store" in lines[0] and str(tmp_path / "old" / "descend.db") in lines[0]
    assert "Permission denied" in lines[1]


@pytest.mark.parametrize("url", ["nosuchdb://me:hunter2@host/x", "sqlite://me:hunter2@/x", "postgresql+no://"])
def test_a_wrong_url_is_reported_without_its_password(url):
    said = refused(url)
    assert said.startswith(f"not a database URL: {url.split(':')[0]}://…; write a folder, or")


def test_a_missing_database_driver_is_reported():
    assert refused("mysql+pymysql://host/x") == "mysql+pymysql://… needs the Python package pymysql: install it"


def test_a_sqlite_url_is_a_store_too(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/team.db") as store:
        assert store.begin(Record()) == 1
    assert "cannot be opened" in refused(f"sqlite:///{tmp_path}/no/such/folder/team.db")
