"""Private layers of a run: where their contents are, and how large they can be."""

import errno
import os
from pathlib import Path

import pytest

from descend.core.temporary import delete_folder
from descend.doctor.sandbox import namespaces, overlays

from .in_namespaces import USER, give, needs_namespaces, needs_root, open_folder, run_in_namespaces

pytestmark = needs_namespaces
users = pytest.mark.parametrize("user", [None, pytest.param(USER, marks=needs_root)], ids=["own user", "other user"])


@users
def test_a_layer_is_on_the_disk_of_the_scratch_copy(user):
    owner = os.geteuid() if user is None else user
    with open_folder("/tmp", owner) as top, open_folder("/var/tmp", owner) as folder:
        (folder / "old.pt").write_bytes(bytes(10))
        (folder / "runs").mkdir()
        for path in folder.iterdir():
            give(path, owner)

        def change() -> list[object]:
            (folder / "old.pt").open("ab").write(b"new")
            (folder / "runs").rmdir()
            (folder / "runs").mkdir()
            (folder / "runs/last.pt").write_bytes(b"0123")
            blocks = [os.statvfs(path).f_blocks for path in (folder, top)]
            return [sorted(os.listdir(folder)), len((folder / "old.pt").read_bytes()), blocks[0] == blocks[1]]

        assert run_in_namespaces(top, change, user) == [["old.pt", "runs"], 13, True]
        assert (folder / "old.pt").read_bytes() == bytes(10) and not os.listdir(folder / "runs")
        kept = {path.name: path.stat().st_size for path in top.rglob("*.pt")}
        assert kept == {"old.pt": 13, "last.pt": 4}
        delete_folder(top / overlays.FOLDER)
        assert not (top / overlays.FOLDER).exists()


@users
def test_layers_in_memory_have_a_limit(user, monkeypatch):
    for module in (overlays, namespaces):
        monkeypatch.setattr(module, "memory_limit", lambda: 1 << 20)
    with open_folder("/tmp", os.geteuid() if user is None else user) as top:
        file = Path("/tmp", f"descend-test-{os.getpid()}")

        def fill() -> list[object]:
            try:
                file.write_bytes(bytes(1 << 21))
            except OSError as error:
                return [error.errno, file.stat().st_size <= 1 << 20]
            return ["written"]

        assert run_in_namespaces(top, fill, user) == [errno.ENOSPC, True]
        assert not file.exists()


def test_the_memory_limit_is_half_of_the_available_memory():
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    assert available // 4 < overlays.memory_limit() <= total // 2


@users
def test_a_run_cannot_change_its_layers_directly(user):
    with open_folder("/tmp", os.geteuid() if user is None else user) as top:

        def try_to_change() -> list[str]:
            said = []
            for path in (top / "kept", top / overlays.FOLDER / "kept"):
                try:
                    path.write_text("x")
                    said.append("written")
                except OSError as error:
                    said.append(errno.errorcode[error.errno])
            return said

        first, second = run_in_namespaces(top, try_to_change, user)
        assert first == "written" and second in ("EACCES", "EROFS")
