"""The bytes of several files are changed together or not at all, whatever happens within the instant."""

import errno
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor.script import patch_writing
from descend.doctor.script.file_change import FileChange, changes_of
from descend.doctor.script.patch_writing import apply_changes
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot

OLD, NEW = {"a.py": b"lr = 5\n", "b.py": b"steps = 5\n"}, {"a.py": b"lr = 1\n", "b.py": b"steps = 1\n"}


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    script = Script(tmp_path / "a.py", tmp_path, sources=SourceSnapshot())
    for name, data in NEW.items():
        script = script.edit(tmp_path / name, data.decode())
    yield changes_of(script)
    assert {path.name for path in tmp_path.iterdir()} == set(OLD)


def texts(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OLD}


def test_all_files_or_none(two, tmp_path):
    (tmp_path / "b.py").write_bytes(b"steps = 6\n")
    with pytest.raises(UsageError, match="b.py has changed"):
        apply_changes(two)
    assert texts(tmp_path) == OLD | {"b.py": b"steps = 6\n"}
    (tmp_path / "b.py").write_bytes(OLD["b.py"])
    assert apply_changes(two) == ["a.py", "b.py"] and texts(tmp_path) == NEW
    assert apply_changes(two) == []


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("way", ["in place", "by renaming"])
def test_a_file_saved_during_the_exchange_stays_and_all_others_are_restored(two, tmp_path, monkeypatch, exchanges, way):
    real = patch_writing._exchange_files
    if not exchanges:
        monkeypatch.setattr(patch_writing, "NO_EXCHANGE", range(1000))

    def saved_just_before(aside: str, path: str) -> None:
        if path.endswith("b.py") and Path(aside).read_bytes() == NEW["b.py"]:
            if way == "in place":
                Path(path).write_bytes(b"steps = 7\n")
            else:
                Path(f"{path}~").write_bytes(b"steps = 7\n")
                os.replace(f"{path}~", path)
        with pytest.MonkeyPatch.context() as within:
            if not exchanges:
                within.setattr(patch_writing.ctypes, "CDLL", lambda *_, **__: object())
            real(aside, path)

    monkeypatch.setattr(patch_writing, "_exchange_files", saved_just_before)
    with pytest.raises(UsageError, match="another program changed b.py at the same time"):
        apply_changes(two)
    assert texts(tmp_path) == OLD | {"b.py": b"steps = 7\n"}


def test_a_file_that_another_process_has_open_for_writing_is_not_changed(two, tmp_path):
    with open(tmp_path / "a.py", "r+b") as file:
        try:
            with open(tmp_path / "b.py", "rb") as other:
                fcntl.fcntl(other, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            assert error.errno != errno.EAGAIN
            pytest.skip("this file system has no leases")
        with pytest.raises(UsageError, match="another program changed a.py at the same time"):
            apply_changes(two)
        file.write(b"lr = 7\n")
    assert texts(tmp_path) == OLD | {"a.py": b"lr = 7\n"}


def test_what_a_killed_one_has_begun_is_carried_on(two, tmp_path):
    source = f"""
import os, signal, sys
from descend.doctor.script import patch_writing
from descend.doctor.script.file_change import FileChange
from descend.doctor.script.patch_writing import apply_changes
real, times = patch_writing._exchange_files, []

def killed(aside, path):
    times.append(path)
    if len(times) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    real(aside, path)

patch_writing._exchange_files = killed
apply_changes({two!r})
"""
    done = subprocess.run([sys.executable, "-c", source], cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert texts(tmp_path) == {"a.py": NEW["a.py"], "b.py": OLD["b.py"]}
    assert len(list(tmp_path.iterdir())) == 4
    assert apply_changes(two) == ["b.py"] and texts(tmp_path) == NEW


def test_a_damaged_patch_is_not_written(two, tmp_path):
    for kept, words in (
        ("lr = 0.3\n", "damaged"),
        ("login('***', lr=0.3)\n", "holds a secret, and secrets are not stored"),
    ):
        damaged = [FileChange(c.file, c.before, c.after, ((0, 1, kept),)) for c in two]
        with pytest.raises(UsageError, match=words):
            apply_changes(damaged)
    assert texts(tmp_path) == OLD


@pytest.mark.skipif(os.getuid() != 0, reason="only root may change the owner of a file")
def test_owner_and_attributes_are_kept(two, tmp_path):
    os.chown(tmp_path / "a.py", 1234, 4321)
    os.chmod(tmp_path / "a.py", 0o2751)
    apply_changes(two)
    found = (tmp_path / "a.py").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 4321, 0o2751)


def test_a_notebook_is_patched_in_its_own_style(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = {"cell_type": "code", "source": ["lr = 5\n", "%time x = 1"], "metadata": {}, "outputs": []}
    notebook = {"cells": [cell, {"cell_type": "markdown", "source": "é"}], "metadata": {}, "nbformat": 4}
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=True) + "\n")
    script = Script(path, tmp_path, sources=SourceSnapshot())
    edited = changes_of(script.edit(path, script.read(path).replace("lr = 5", "lr = 1")))
    before = path.read_text()
    assert apply_changes(edited) == ["train.ipynb"]
    assert path.read_text() == before.replace("lr = 5", "lr = 1")
    path.write_text(before.replace("\u00e9", "e").replace("\\u00e9", "e"))
    with pytest.raises(UsageError, match="has changed"):
        apply_changes(edited)


def test_encodings_and_marks_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for encoding, head in (("utf-8-sig", "# é"), ("latin-1", "# coding: latin-1\r\n# é"), ("utf-8", "# 1\x0c2\u2028")):
        path = tmp_path / "train.py"
        path.write_bytes(f"{head}\r\nlr = 5\rx = 1".encode(encoding))
        script = Script(path, tmp_path, sources=SourceSnapshot())
        edited = changes_of(script.edit(path, script.read(path).replace("5", "1")))
        assert edited[0].before == hashlib.sha256(path.read_bytes()).hexdigest()
        assert apply_changes(edited) == ["train.py"]
        assert path.read_bytes() == f"{head}\r\nlr = 1\rx = 1".encode(encoding)
