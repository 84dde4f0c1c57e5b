"""A store may come from anywhere: `descend apply` writes only below the current directory, or asks on a terminal."""

import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from complaints import one_line

from descend.core.errors import UsageError
from descend.doctor import archive
from descend.doctor.script.patch_writing import apply_changes

from .kept_patches import NEW, OLD, change_of, keep_patch


@pytest.fixture
def elsewhere(tmp_path, tmp_path_factory):
    """A file outside the current directory, which `tmp_path` is in these tests."""
    file = tmp_path_factory.mktemp("elsewhere") / "profile.py"
    file.write_bytes(OLD)
    return file


def named(way: str, folder: Path, file: Path) -> Path | str:
    """Return a path that leads to `file` from `folder`."""
    match way:
        case "absolute":
            return file
        case "dots":
            return os.path.relpath(file, folder)
        case "dots after a folder":
            (folder / "package").mkdir()
            return f"{folder}/package/../{os.path.relpath(file, folder)}"
        case "link to the file":
            (folder / "train.py").symlink_to(file)
            return folder / "train.py"
    (folder / "package").symlink_to(file.parent)
    return folder / "package" / file.name


@pytest.mark.parametrize("way", ["absolute", "dots", "dots after a folder", "link to the file", "link to the folder"])
def test_a_file_outside_the_current_directory_is_refused(descend_here, tmp_path, elsewhere, way):
    keep_patch(tmp_path, named(way, tmp_path, elsewhere))
    done = descend_here("apply")
    assert done.returncode == 2 and one_line(done.stderr, f"{elsewhere} is outside the current directory"), done.stderr
    assert "run descend apply 1 in the script's directory" in done.stderr
    assert elsewhere.read_bytes() == OLD and [path.name for path in elsewhere.parent.iterdir()] == ["profile.py"]


def test_no_file_is_written_where_one_is_outside(descend_here, tmp_path, elsewhere):
    (tmp_path / "train.py").write_bytes(OLD)
    keep_patch(tmp_path, tmp_path / "train.py", elsewhere)
    assert descend_here("apply").returncode == 2
    assert (tmp_path / "train.py").read_bytes() == elsewhere.read_bytes() == OLD


def test_the_recorded_root_gives_no_permission(descend_here, tmp_path, elsewhere):
    keep_patch(elsewhere.parent, elsewhere)
    done = descend_here("apply", "--store", str(elsewhere.parent / ".descend"))
    assert done.returncode == 2 and elsewhere.read_bytes() == OLD


def test_files_below_the_current_directory_are_written(descend_here, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "..model.py").write_bytes(OLD)  # a name that begins with dots is none of the parent's
    (tmp_path / "package" / "model.py").write_bytes(OLD)
    (tmp_path / "train.py").symlink_to(tmp_path / "package" / "model.py")
    keep_patch(tmp_path, tmp_path / "train.py", tmp_path / "..model.py")
    done = descend_here("apply")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "package" / "model.py").read_bytes() == (tmp_path / "..model.py").read_bytes() == NEW


@pytest.mark.parametrize("file", ["", ".", "/", "train.py\0", "\ud800.py", "a" * 300, "/dev/null", "/proc/self/mem"])
def test_what_is_no_file_is_one_line(descend_here, tmp_path, file):
    keep_patch(tmp_path, "x.py")
    read = archive.load_case
    with pytest.MonkeyPatch.context() as patched:  # no store keeps the half of a surrogate pair
        patched.setattr(archive, "load_case", lambda *given: replace(read(*given), changes=(change_of(file),)))
        done = descend_here("apply")
    assert done.returncode == 2 and one_line(done.stderr), done.stderr


@pytest.mark.parametrize("answer, written", [("y", True), ("n", False), ("", False), ("\x04", False)])
def test_on_a_terminal_path_and_change_are_shown_and_the_default_is_no(tmp_path, elsewhere, answer, written):
    hidden = elsewhere.with_name("pro\x1b[8mfile.py")
    elsewhere.rename(hidden)
    keep_patch(tmp_path, hidden)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "descend", "apply"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = said_until(ours, b"[y/N]")
        os.write(ours, answer.encode() + (b"" if answer == "\x04" else b"\n"))
        said_until(ours, b"no such text")
    assert process.returncode == (0 if written else 2)
    assert hidden.read_bytes() == (NEW if written else OLD)
    assert b"-lr = 5" in shown and b"+lr = 1" in shown and b"pro\\x1b[8mfile.py is outside" in shown
    assert b"\x1b[8m" not in shown


def said_until(terminal: int, text: bytes) -> bytes:
    said = b""
    while text not in said:
        try:
            said += os.read(terminal, 1000)
        except OSError:  # the other side is closed
            break
    return said


def test_a_caller_decides_by_path_and_diff(tmp_path, elsewhere, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[str, str]] = []
    with pytest.raises(UsageError, match="outside the current directory"):
        apply_changes([change_of(elsewhere)], lambda *shown: bool(asked.append(shown)))
    assert asked == [(str(elsewhere), f"--- {elsewhere}\n+++ {elsewhere}\n@@ -1 +1 @@\n-lr = 5\n+lr = 1")]
    assert apply_changes([change_of(elsewhere)], lambda *_: True) == [str(elsewhere)] and elsewhere.read_bytes() == NEW
