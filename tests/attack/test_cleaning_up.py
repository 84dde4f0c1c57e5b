"""What a script leaves in its scratch copy: all of it is deleted, and nothing outside is touched by that."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from descend.core.temporary import delete_folder, temporary_folder
from descend.doctor.record import Effect
from descend.doctor.sandbox.copy_on_write import CopyOnWrite
from descend.doctor.sandbox.file_effects import FileEffects, SharedFolders
from descend.doctor.sandbox.outside_effects import OutsideEffect

DEEP = 3000  # more than the interpreter's stack holds, and than a path may have


def deep(top: Path) -> None:
    before = os.getcwd()
    os.chdir(top)
    try:
        for _ in range(DEEP):
            os.mkdir("d")
            os.chdir("d")
        Path("file").write_text("x")
    finally:
        os.chdir(before)


def locked(top: Path) -> None:
    inner = top / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    for folder in (inner, top / "a"):
        folder.chmod(0)


def strange(top: Path) -> None:
    os.mkfifo(top / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(top / "socket"))
    for name in ("a\nb", "\x1b[2J", "-rf", "x" * 255, os.fsdecode(b"\xff\xfe")):
        (top / name).write_text("x")
        (top / f"folder {name[:99]}").mkdir()


def linked(top: Path) -> None:
    for name, target in {"up": "..", "root": "/", "self": "self", "user": str(top.parent / "users")}.items():
        (top / name).symlink_to(target)
    os.link(top.parent / "users/kept", top / "hard")


def nothing(top: Path) -> None:
    return


def gone(top: Path) -> None:
    top.rmdir()


def a_file(top: Path) -> None:
    top.rmdir()
    top.write_text("x")


def a_link(top: Path) -> None:
    top.rmdir()
    top.symlink_to(top.parent / "users")


@pytest.mark.parametrize("leave", [deep, locked, strange, linked, nothing, gone, a_file, a_link])
def test_all_is_deleted_and_no_link_is_followed(tmp_path, leave):
    users, top = tmp_path / "users", tmp_path / "top"
    (users / "inner").mkdir(parents=True)
    (users / "kept").write_text("kept")
    for path in (users / "inner", users):
        path.chmod(0o750)
    top.mkdir()
    leave(top)
    delete_folder(top)
    assert not os.path.lexists(top)
    assert (users / "kept").read_text() == "kept"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (users, users / "inner")] == [0o750, 0o750]


def test_a_temporary_folder_that_is_replaced_by_a_link_ends_without_an_error(tmp_path):
    (tmp_path / "inner").mkdir(mode=0o750)
    with temporary_folder() as top:
        a_link_to = top.with_name(top.name)
        top.rmdir()
        a_link_to.symlink_to(tmp_path)
    assert not os.path.lexists(top) and stat.S_IMODE((tmp_path / "inner").stat().st_mode) == 0o750


@pytest.mark.parametrize("event", ["os.rmdir", "os.rename", "os.chmod"])
def test_the_scratch_copy_itself_is_not_the_scripts(tmp_path, event):
    top = tmp_path / "top"
    (top / "inner").mkdir(parents=True)
    judge = FileEffects(CopyOnWrite([top]), threading.local(), SharedFolders([])).judges[event]

    def judged(path: Path) -> OutsideEffect | None:
        further = (str(path) + "-new", -1, -1) if event == "os.rename" else (-1, -1)
        return judge(event, (str(path), *further))

    assert judged(top / "inner") is None
    outside = judged(top)
    assert outside is not None and Effect(outside.kind, outside.target, refused=True).target.startswith(str(top))
