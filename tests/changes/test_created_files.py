"""An edit may create a file: it is in the diff, in scratch copies, on other nodes and in the stored change."""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import pytest

from descend.core.errors import UsageError
from descend.doctor.sandbox.scratch import Scratch, scratch_copy
from descend.doctor.script.file_change import changes_of, sha256_of
from descend.doctor.script.patch_writing import apply_changes
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot
from descend.doctor.trials.cluster import RemoteJob, _unzip_directory, zip_directory


@pytest.fixture
def script(tmp_path, monkeypatch) -> Script:
    root = tmp_path / "project"
    (root / "old").mkdir(parents=True)
    (root / "old/__init__.py").write_text("")
    (root / "train.py").write_text("print('old')\n")
    monkeypatch.chdir(root)
    return Script(root / "train.py", root, sources=SourceSnapshot())


@pytest.fixture
def edited(script) -> Script:
    """A script that imports a new module, one in an old package and one in a new package."""
    texts = {
        "train.py": "import layers, old.depth as b, new.deep.size as c\nprint(layers.WIDTH, b.DEPTH, c.SIZE)\n",
        "layers.py": "WIDTH = 8\n",
        "old/depth.py": "DEPTH = 3",
        "new/__init__.py": "",
        "new/deep/__init__.py": "# package\n",
        "new/deep/size.py": "SIZE = 'é'\n",
    }
    for name, text in texts.items():
        script = script.edit(script.root / name, text)
    return script


def output(scratch: Scratch) -> str:
    command = [sys.executable, "-B", str(scratch.root / "train.py")]
    return subprocess.run(command, cwd=scratch.root, capture_output=True, text=True, check=True).stdout


def test_a_scratch_copy_contains_new_modules_that_the_script_imports(script, edited):
    for _ in range(2):
        with scratch_copy(edited) as scratch:
            assert output(scratch) == "8 3 é\n"
            assert not scratch.notes
    assert sorted(os.listdir(script.root)) == ["old", "train.py"]
    with scratch_copy(script) as scratch:
        assert output(scratch) == "old\n" and not (scratch.root / "new").exists()


def test_a_new_module_outside_the_working_directory(script):
    elsewhere = script.root.parent / "library/new/shared.py"
    edited = script.edit(elsewhere, "SIZE = 1\n")
    with scratch_copy(edited) as scratch:
        assert (scratch.root / "../library/new/shared.py").read_text() == "SIZE = 1\n"
        assert not scratch.notes


def test_a_file_that_the_user_creates_later_is_in_no_copy(script, edited):
    with scratch_copy(edited):
        pass
    (script.root / "new/deep").mkdir(parents=True)
    (script.root / "new/deep/size.py").write_text("SIZE = 'other'\n")
    (script.root / "new/deep/more.py").write_text("")
    (script.root / "layers.py").write_text("WIDTH = 'other'\n")
    with scratch_copy(edited) as scratch:
        assert output(scratch) == "8 3 é\n" and not (scratch.root / "new/deep/more.py").exists()
    assert "--- /dev/null\n+++ layers.py\n" in edited.diff()


def test_the_diff_creates_the_files(script, edited):
    for command in (["patch", "-p0", "--binary", "-s"], ["git", "apply", "-p0"]):
        folder = script.root.parent / command[0]
        (folder / "old").mkdir(parents=True)
        (folder / "train.py").write_text("print('old')\n")
        done = subprocess.run(command, input=edited.diff(), cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        made = {script.root / path.relative_to(folder): path.read_text() for path in folder.rglob("*.py")}
        assert made == edited.edits


def test_later_edits_of_a_new_file_are_shown_as_such(script):
    first = script.edit(script.root / "layers.py", "WIDTH = 8\n")
    second = first.edit(script.root / "layers.py", "WIDTH = 9\n")
    assert second.diff(first) == "--- layers.py\n+++ layers.py\n@@ -1 +1 @@\n-WIDTH = 8\n+WIDTH = 9\n"
    assert second.diff() == "--- /dev/null\n+++ layers.py\n@@ -0,0 +1 @@\n+WIDTH = 9\n"


def test_a_new_file_has_no_original_text(script, edited):
    new = script.root / "layers.py"
    assert edited.original_bytes(new) == b"" and edited.unedited_text(new) == "" and edited.has_file(new)
    assert not script.has_file(new)
    with pytest.raises(FileNotFoundError):
        script.original_bytes(new)


def test_a_text_is_stored_in_the_encoding_that_it_declares(script):
    script.path.write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    for text, encoding in (("# coding: latin-1\nx = 'ü'\n", "latin-1"), ("x = 'λ'\n", "utf-8")):
        edited = script.edit(script.path, text)
        assert edited.encode(script.path, text) == text.encode(encoding)
        with scratch_copy(edited) as scratch:
            assert (scratch.root / "train.py").read_bytes() == text.encode(encoding)
        (change,) = changes_of(edited)
        assert change.apply_to(script.original_bytes(script.path)) == text.encode(encoding)


def test_a_stored_change_creates_the_file_and_is_not_written(script):
    path = script.root / "layers.py"
    (change,) = changes_of(script.edit(path, "WIDTH = 8\n"))
    assert change.before == "" and change.after == sha256_of(b"WIDTH = 8\n")
    assert change.apply_to(b"") == b"WIDTH = 8\n"
    with pytest.raises(UsageError, match="the patch creates layers.py, and descend writes only files that exist"):
        apply_changes([change])
    path.write_text("WIDTH = 8\n")
    assert apply_changes([change]) == []
    path.write_text("WIDTH = 9\n")
    with pytest.raises(UsageError, match="layers.py has changed"):
        apply_changes([change])


def test_another_node_receives_the_new_files(script, edited):
    job = RemoteJob(replace(edited, sources=None), Plan(), {}, {}, "another", ())
    with ExitStack() as stack:
        remote = _unzip_directory(job, zip_directory(script.root), stack)
        assert remote.root != script.root and remote.is_created(remote.root / "new/deep/size.py")
        with scratch_copy(remote) as scratch:
            assert output(scratch) == "8 3 é\n"
