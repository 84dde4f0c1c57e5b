"""Whatever a store holds in place of what was kept: one line and status 2, or an answer, but never a traceback."""

import json
import shutil
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from complaints import one_line
from consistency.kept_cases import read_kept
from hypothesis import given
from hypothesis import strategies as st
from sampling import repeatable, sampled

from descend.core.errors import UsageError
from descend.doctor.archive import load_case
from descend.doctor.record import Cost, Effect, Note
from descend.doctor.record.store import open_existing, open_store

from .damaged_values import RAW, mutants, paths, replaced
from .kept_patches import NEW, OLD, change_of

READERS = (["diagnose"], ["diagnose", "--format", "json"], ["report"], ["runs"], ["export"], ["apply"])
JSON = {"observations": "body", "costs": "body", "findings": "body", "trials": "body"}
KINDS = {"observations": "kind"}
COLUMNS = {
    "runs": ["role", "parent", "script", "root", "seed", "environment", "started", "ending"],
    "series": ["series", "name", "place"],
    "parts": ["series", "length", "first_step", "stride", "steps", "data"],
    "observations": ["kind", "body"],
    "costs": ["body"],
    "findings": ["body"],
    "trials": ["body"],
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A store with the case of a real run, with a patch of train.py."""
    folder = tmp_path_factory.mktemp("sound")
    kept = next(kept for kept in read_kept() if kept.name == "digits_no_zero_grad")
    record = kept.case.record
    record.extend([Cost("tape", 0.1, 2), Effect("write", "/etc/passwd", True), Note("tape", "none")])
    with open_store(folder) as store:
        store.save(record)
        rest = {**kept.rows[-1], "changes": [asdict(change_of("train.py"))]}
        store.save_case(1, kept.findings, [*kept.rows[:-1], rest])
        with store.engine.connect() as connection:
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    return folder


def rows(store: Path, table: str, column: str) -> list[tuple[int, Any]]:
    connection = sqlite3.connect(store / "descend.db")
    try:
        return connection.execute(f"select rowid, {column} from {table} order by rowid").fetchall()
    finally:
        connection.close()


def damaged(sound: Path, folder: Path, table: str, column: str, row: int, value: Any) -> None:
    """Make a copy of a store, in .descend, with another value in one row."""
    store = folder / ".descend"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir()
    shutil.copy(sound / "descend.db", store / "descend.db")
    connection = sqlite3.connect(store / "descend.db", isolation_level=None)
    connection.execute("pragma foreign_keys = off")
    try:
        connection.execute(f"update {table} set {column} = ? where rowid = ?", (value, row))
    except (sqlite3.IntegrityError, OverflowError):  # a value that no row can hold
        pass
    finally:
        connection.close()


def text_of(value: Any) -> str:
    return json.dumps(value)


@pytest.mark.slow
@pytest.mark.parametrize("examples", sampled([60, 3000], 60))
def test_a_mutated_row_is_one_line_or_is_read(sound, tmp_path, descend_here, examples):
    (tmp_path / "train.py").write_bytes(OLD)

    @repeatable(examples)
    @given(st.data())
    def one(data: st.DataObject) -> None:
        table = data.draw(st.sampled_from(list(COLUMNS)))
        if table in JSON and data.draw(st.booleans()):
            column = JSON[table]
            row, body = data.draw(st.sampled_from(rows(sound, table, column)))
            value = text_of(data.draw(mutants(json.loads(body))))
        else:
            column = data.draw(st.sampled_from(COLUMNS[table]))
            row, _ = data.draw(st.sampled_from(rows(sound, table, column)))
            value = data.draw(st.sampled_from(RAW))
        damaged(sound, tmp_path, table, column, row, value)
        command = data.draw(st.sampled_from(READERS))
        done = descend_here(*command)
        assert done.returncode in (0, 1, 2, 3, 4) and "Traceback" not in done.stderr, done.stderr
        assert done.returncode != 2 or one_line(done.stderr), done.stderr
        assert done.returncode in (0, 2) or command[0] == "diagnose"
        assert "\x1b[2J" not in done.stdout + done.stderr

    one()
    assert {path.name for path in tmp_path.iterdir()} == {"train.py", ".descend"}


@pytest.mark.parametrize("examples", sampled([60, 2000], 60))
def test_a_mutated_patch_writes_nothing_or_what_was_proved(sound, tmp_path, descend_here, examples, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "train.py"
    elsewhere.write_bytes(OLD)
    (row, body), file = rows(sound, "trials", "body")[-1], tmp_path / "train.py"
    rest = json.loads(body)

    @repeatable(examples)
    @given(st.data())
    def one(data: st.DataObject) -> None:
        file.write_bytes(OLD)
        named = data.draw(st.sampled_from(["train.py", str(file), str(elsewhere), f"{tmp_path}/x/../train.py"]))
        changes = data.draw(mutants([asdict(change_of(named))]))
        damaged(sound, tmp_path, "trials", "body", row, text_of({**rest, "changes": changes}))
        done = descend_here("apply")
        assert done.returncode in (0, 2) and one_line(done.stderr), done.stderr
        assert file.read_bytes() == (NEW if "wrote train.py" in done.stderr else OLD)
        assert elsewhere.read_bytes() == OLD

    one()
    assert {path.name for path in tmp_path.iterdir()} == {"train.py", ".descend"}


@pytest.mark.slow
def test_each_field_of_another_type_is_damage(sound, tmp_path):
    seen = set()
    for table, column in JSON.items():
        for (row, body), (_, kind) in zip(rows(sound, table, column), rows(sound, table, KINDS.get(table, column))):
            for path in paths(json.loads(body)):
                field = (table, kind if table in KINDS else "", path)
                if "detail" in path[:-1] or field in seen:
                    continue  # a detail may be of an earlier descend, and the observation is then left out with a note
                seen.add(field)
                value = text_of(replaced(json.loads(body), path, [{"another": ["type"]}, 3]))
                damaged(sound, tmp_path, table, column, row, value)
                with open_existing(tmp_path / ".descend") as store, pytest.raises(UsageError) as refused:
                    load_case(store, 1)
                assert f"run 1 in {tmp_path}/.descend" in str(refused.value) and "is damaged" in str(refused.value)
    assert len(seen) > 60
