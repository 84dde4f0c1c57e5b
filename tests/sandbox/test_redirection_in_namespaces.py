"""At the level namespaces, Python's functions redirect the changes that the kernel cannot keep in a private layer."""

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from descend.doctor.sandbox.effects import watch_effects
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script

from .in_namespaces import GROUP, OTHER, USER, give, needs_namespaces, needs_root, open_folder, run_in_namespaces

pytestmark = needs_namespaces


@pytest.fixture
def world() -> Iterator[Path]:
    """A working directory in a folder that is not in the folder of the scratch copy."""
    with open_folder() as folder:
        (folder / "project/runs").mkdir(parents=True)
        (folder / "project/train.py").write_text("")
        (folder / "project/data.txt").write_text("data")
        (folder / "log.txt").write_text("log")
        for path in folder.rglob("*"):
            give(path, USER)
        yield folder


def examine(world: Path, call: Callable[[], Any]) -> tuple[Any, list[list[Any]]]:
    """Return the result of `call` in the sandbox, and the kind, target and refusal of each reported effect."""
    project = world / "project"
    with scratch_copy(Script(project / "train.py", project)) as scratch:
        if os.geteuid() == 0:
            for path in (scratch.top, *scratch.top.rglob("*")):
                os.chown(path, USER, USER, follow_symlinks=False)

        def run() -> list[Any]:
            os.chdir(scratch.root)
            effects: list[list[Any]] = []
            watch_effects(
                scratch.writable_folders,
                (scratch.root, project),
                lambda effect: effects.append([effect.kind, effect.target, effect.refused]),
                in_namespaces=True,
                files=scratch.files,
            )
            return [call(), effects]

        found = run_in_namespaces(scratch.top, run, USER if os.geteuid() == 0 else None)
    assert isinstance(found, list), found
    return found[0], found[1]


def put(path: str | Path, text: str) -> None:
    with open(path, "a") as file:
        file.write(text)


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except OSError as error:
        return error.strerror
    return "done"


@pytest.fixture
def shared(world: Path) -> Path:
    """A folder of another user and group in which all users may change everything, with two files."""
    folder = world / "shared"
    folder.mkdir()
    for name in ("model.pt", "old.pt"):
        (folder / name).write_text("kept")
        give(folder / name, OTHER, GROUP, 0o666)
    give(folder, OTHER, GROUP, 0o777)
    return folder


@needs_root
def test_a_user_changes_the_shared_folder_of_another_user(world, shared):
    def change() -> list[Any]:
        os.makedirs(shared / "runs/first")
        put(shared / "runs/first/log.txt", "new")
        put(shared / "model.pt", "!")
        os.remove(shared / "old.pt")
        shutil.copy(shared / "model.pt", shared / "copied.pt")
        return [sorted(os.listdir(shared)), (shared / "model.pt").read_text(), os.listdir(shared / "runs/first")]

    found, effects = examine(world, change)
    assert found == [["copied.pt", "model.pt", "runs"], "kept!", ["log.txt"]]
    assert ["write", str(shared / "model.pt"), False] in effects and not any(refused for *_, refused in effects)
    assert sorted(os.listdir(shared)) == ["model.pt", "old.pt"] and (shared / "model.pt").read_text() == "kept"


@needs_root
def test_a_user_changes_the_file_of_another_user_in_the_own_folder(world):
    for name in ("foreign.txt", "gone.txt"):
        (world / name).write_text("kept")
        give(world / name, OTHER, GROUP, 0o666)

    def change() -> list[Any]:
        put(world / "foreign.txt", "!")
        os.remove(world / "gone.txt")
        put(world / "log.txt", "!")
        os.remove(world / "project/data.txt")
        return [
            sorted(os.listdir(world)),
            (world / "foreign.txt").read_text(),
            (world / "log.txt").read_text(),
            (world / "gone.txt").exists(),
        ]

    found, _ = examine(world, change)
    assert found == [["foreign.txt", "log.txt", "project"], "kept!", "log!", False]
    assert (world / "foreign.txt").read_text() == "kept" and (world / "gone.txt").exists()


@needs_root
def test_a_user_changes_the_own_folder_in_a_folder_of_another_user(world, shared):
    mine = shared / "mine"
    mine.mkdir()
    give(mine, USER)
    give(shared, OTHER, GROUP, 0o755)

    def change() -> list[Any]:
        put(mine / "log.txt", "new")
        return [(mine / "log.txt").read_text(), outcome(lambda: put(shared / "log.txt", "new"))]

    assert examine(world, change)[0] == ["new", "Permission denied"]


@needs_root
def test_a_change_that_neither_python_nor_the_kernel_redirects_is_refused(world, shared):
    found, effects = examine(world, lambda: outcome(lambda: io.FileIO(shared / "model.pt", "a")))
    assert found.startswith(f"descend: refused to write {shared / 'model.pt'}")
    assert effects == [["write", str(shared / "model.pt"), True]]


def test_the_working_directory_has_one_version(world):
    project = world / "project"

    def change() -> list[Any]:
        put("relative.txt", "r")
        put(project / "absolute.txt", "a")
        put("data.txt", "!")
        put(project / "data.txt", "?")
        os.mkdir(project / "runs/first")
        put("runs/first/log.txt", "l")
        os.remove(project / "train.py")
        os.chdir(project / "runs")
        put("second.txt", "s")
        return [
            (project / "relative.txt").read_text(),
            Path("../absolute.txt").read_text(),
            (project / "data.txt").read_text(),
            (project / "runs/first/log.txt").read_text(),
            os.path.exists("../train.py"),
            sorted(os.listdir(project / "runs")),
            sorted(os.listdir("..")),
        ]

    found, _ = examine(world, change)
    names = ["absolute.txt", "data.txt", "relative.txt", "runs"]
    assert found == ["r", "a", "data!?", "l", False, ["first", "second.txt"], names]
    assert sorted(os.listdir(project)) == ["data.txt", "runs", "train.py"]


def test_a_folder_above_the_working_directory_has_one_version_after_a_relative_write(world):
    def change() -> list[Any]:
        os.mkdir("../out")
        put("../out/first.txt", "1")
        put(world / "out/second.txt", "2")
        put("../log.txt", "!")
        put(world / "new.txt", "n")
        os.remove(world / "new.txt")
        return [
            (world / "out/first.txt").read_text(),
            Path("../out/second.txt").read_text(),
            (world / "log.txt").read_text(),
            sorted(os.listdir(world)),
        ]

    assert examine(world, change)[0] == ["1", "2", "log!", ["log.txt", "out", "project"]]


@pytest.fixture
def second_world() -> Iterator[Path]:
    """A folder whose layer is a different file system from that of `world`."""
    with open_folder("/tmp") as folder:
        (folder / "inner").mkdir()
        (folder / "inner/old.txt").write_text("old")
        for path in folder.rglob("*"):
            give(path, USER)
        yield folder


def test_a_rename_between_layers_is_reported_without_its_steps(world, second_world):
    def change() -> list[Any]:
        os.rename(second_world / "inner", world / "moved")
        return [os.listdir(world / "moved"), os.listdir(second_world), sorted(os.listdir(world))]

    found, effects = examine(world, change)
    assert found == [["old.txt"], [], ["log.txt", "moved", "project"]]
    assert effects == [["rename", f"{second_world / 'inner'} to {world / 'moved'}", False]]


def test_threads_rename_to_the_same_name_between_layers(world, second_world):
    for number in range(8):
        (second_world / f"{number}.txt").write_text(str(number) * (1 << 20))
        give(second_world / f"{number}.txt", USER)

    def change() -> list[Any]:
        errors: list[str] = []

        def rename(number: int) -> None:
            try:
                os.replace(second_world / f"{number}.txt", world / "best.txt")
            except OSError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=rename, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        text = (world / "best.txt").read_text()
        return [errors, len(set(text)), len(text), sorted(os.listdir(world))]

    assert examine(world, change)[0] == [[], 1, 1 << 20, ["best.txt", "log.txt", "project"]]
