"""A patch is written onto the very bytes that the doctor read, all files or none, and on nothing else."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from complaints import complaints
from uncleared import uncleared
from waiting import comes, has_rows

SICK = uncleared(steps=150).replace("\n", "\r\n").encode()

pytestmark = pytest.mark.slow


class Project:
    """A script in a folder, and a run of the doctor that has proved a patch for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "train.py"

    @property
    def diff(self) -> Path:
        return self.folder / ".descend" / "1" / "fix.diff"

    def fresh(self) -> None:
        """Put the script back as it was."""
        for path in (self.file, self.folder):
            if path.exists():
                path.chmod(0o755)
        self.file.unlink(missing_ok=True)
        self.file.write_bytes(SICK)
        self.file.chmod(0o640)

    def others(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {"train.py", ".descend"}


@pytest.fixture(scope="module")
def proved(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.file.write_bytes(SICK)
    command = [sys.executable, "-m", "descend", "doctor", "--seeds", "2", "--format", "json", "train.py"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=300)
    assert json.loads(done.stdout)["patch"], done.stderr
    return project


@pytest.fixture
def project(proved):
    proved.fresh()
    yield proved
    proved.fresh()
    assert not proved.others()


def without_the_fix(project: Project) -> bytes:
    return project.file.read_bytes().replace(b"    optimizer.zero_grad()\r\n", b"")


def test_the_patch_of_a_finished_run_is_written_once(project, descend_here):
    found = project.file.stat()
    done = descend_here("apply", cwd=project.folder)
    assert done.returncode == 0 and done.stderr == "descend: wrote train.py\n" and done.stdout == ""
    assert b"optimizer.zero_grad()\r\n" in project.file.read_bytes() and without_the_fix(project) == SICK
    assert project.file.read_bytes().count(b"\n") == project.file.read_bytes().count(b"\r\n")
    assert project.file.stat().st_mode == found.st_mode and project.file.stat().st_uid == found.st_uid
    again = descend_here("apply", "1", cwd=project.folder)
    assert again.returncode == 0 and again.stderr == "descend: the patch of run 1 has already been applied\n"
    subprocess.run(["patch", "-p0", "-R", "--binary", "-i", str(project.diff)], cwd=project.folder, check=True)
    assert project.file.read_bytes() == SICK


@pytest.mark.parametrize(
    "edited", [SICK + b"# a thought\r\n", SICK.replace(b"\r\n", b"\n"), SICK.replace(b"0.5", b"0.2"), b""]
)
def test_what_was_typed_meanwhile_stays(project, descend_here, edited):
    project.file.write_bytes(edited)
    done = descend_here("apply", cwd=project.folder)
    assert done.returncode == 2 and project.file.read_bytes() == edited
    assert done.stderr == (
        "descend: train.py has changed since the doctor read it: nothing was written; the patch is in "
        ".descend/1/fix.diff\n"
    )


def test_a_file_that_is_gone_stays_gone(project, descend_here):
    project.file.unlink()
    done = descend_here("apply", cwd=project.folder)
    assert done.returncode == 2 and "train.py no longer exists: nothing was written" in done.stderr
    assert not project.file.exists()


def test_a_link_is_followed_and_stays_one(project, descend_here):
    kept = project.folder / ".descend" / "kept.py"
    project.file.rename(kept)
    project.file.symlink_to(kept)
    assert descend_here("apply", cwd=project.folder).returncode == 0
    assert project.file.is_symlink() and not kept.is_symlink() and b"zero_grad" in kept.read_bytes()


def test_a_second_name_would_keep_the_old_text(project, descend_here):
    second = project.folder / ".descend" / "second.py"
    os.link(project.file, second)
    done = descend_here("apply", cwd=project.folder)
    assert done.returncode == 2 and "a second name" in done.stderr and second.read_bytes() == SICK
    second.unlink()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_is_said(project, descend, what):
    through: list[str] = []
    if not os.getuid():
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv to take that from it")
        through = ["setpriv", "--bounding-set=-dac_override"]
    locked, mode = (project.file, 0o440) if what == "file" else (project.folder, 0o555)
    locked.chmod(mode)
    done = descend("apply", cwd=project.folder, through=through)
    assert done.returncode == 2 and len(complaints(done.stderr)) == 1 and "read-only" in done.stderr, done.stderr
    assert project.file.read_bytes() == SICK


@pytest.mark.parametrize("number", ["999", "2"])  # the trials of run 1 have no such number
def test_a_run_that_does_not_exist(project, descend_here, number):
    done = descend_here("apply", number, cwd=project.folder)
    assert done.returncode == 2 and len(complaints(done.stderr)) == 1 and f"no run {number}" in done.stderr


def test_a_diagnosis_without_the_changes_of_its_patch_is_reported_as_damaged(project, descend_here):
    database = project.folder / ".descend" / "descend.db"
    shutil.copy(database, database.with_suffix(".kept"))
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select position, body from trials where run = 1 order by position").fetchall()
        body = {key: value for key, value in json.loads(rows[-1][1]).items() if key != "changes"}
        change = "update trials set body = ? where run = 1 and position = ?"
        connection.execute(change, (json.dumps(body), rows[-1][0]))
    connection.close()
    done = descend_here("apply", cwd=project.folder)
    os.replace(database.with_suffix(".kept"), database)
    assert done.returncode == 2 and "damaged or from another version of descend" in done.stderr, done.stderr
    assert "changes" in done.stderr and len(complaints(done.stderr)) == 1
    assert project.file.read_bytes() == SICK


def test_what_is_typed_during_a_consultation_is_not_overwritten(project):
    store = project.folder / ".descend" / "2"
    command = [sys.executable, "-m", "descend", "doctor", "--apply", "--seeds", "2", "--store", store, "train.py"]
    process = subprocess.Popen(command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert comes(lambda: (store / "descend.db").exists() and has_rows(store / "descend.db", "observations"))
    project.file.write_bytes(SICK + b"# typed meanwhile\r\n")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "Traceback" not in err, err
    assert "zero_grad" in out + (store / "1" / "fix.diff").read_text()
    assert "train.py has changed since the doctor read it: nothing was written" in err
    assert project.file.read_bytes() == SICK + b"# typed meanwhile\r\n"
    shutil.rmtree(store)
