"""A patch of a source with odd bytes, and a project that changes while the patch is written."""

import os
import subprocess
import sys

import pytest

from descend.core.errors import UsageError
from descend.doctor.script import patch_writing as module
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.patch_writing import apply_changes
from descend.doctor.script.script import Script

from .kept_patches import NEW, OLD, change_of, keep_patch

LINE, EDITED = b"lr = 5", b"lr = 1"
TEXTS = {
    "a mark of its encoding": b"\xef\xbb\xbfx = 1\nlr = 5\n",
    "a mark and returns": b"\xef\xbb\xbfx = 1\r\nlr = 5\r\n",
    "no line end at its end": b"x = 1\nlr = 5",
    "no line end, returns": b"x = 1\r\nlr = 5",
    "both line ends": b"x = 1\r\nlr = 5\ny = 2\r\n",
    "returns alone": b"x = 1\rlr = 5\ry = 2\r",
    "tabs": b"if 1:\n\tx = '\t'\n\tlr = 5\n",
    "form feeds": b"\x0cx = 1\x0c\nlr = 5\n\x0c\n",
    "another encoding": b"# coding: latin-1\nx = '\xe9'\nlr = 5\n",
    "separators of Unicode": "x = '\u2028\x85\x1c'\nlr = 5\n".encode(),
    "spaces at the ends of lines": b"x = 1  \nlr = 5   \n\n\n",
    "lines of a patch": b"x = '''\n--- train.py\n+++ train.py\n@@ -1 +1 @@\n-a\n\\ No newline\n'''\nlr = 5\n",
    "a conflict": b"s = '''\n<<<<<<< a\n=======\n>>>>>>> b\n'''\nlr = 5\n",
    "the line many times": b"x = 1\n" * 50 + b"lr = 5\n" + b"x = 1\n" * 50,
}


@pytest.mark.parametrize("name", TEXTS)
def test_only_the_line_of_the_patch_changes(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "train.py"
    file.write_bytes(TEXTS[name])
    script = Script(file, tmp_path)
    script = script.edit(file, script.read(file).replace("lr = 5", "lr = 1"))
    wanted = TEXTS[name].replace(LINE, EDITED)
    patch = ["patch", "-p0", "--binary", "--posix", "-o", "patched.py"]
    subprocess.run(patch, input=script.diff().encode(source_of(name)), check=True, capture_output=True)
    assert (tmp_path / "patched.py").read_bytes() == wanted
    assert apply_changes(changes_of(script)) == ["train.py"] and file.read_bytes() == wanted


def source_of(name: str) -> str:
    return "latin-1" if name == "another encoding" else "utf-8"


MOMENTS = ["prepare", "exchange"]


@pytest.fixture
def elsewhere(tmp_path_factory):
    """A folder of another project, which has the very file that the patch is for."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "train.py").write_bytes(OLD)
    return folder


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", ["a link to a folder", "a link to a file", "nothing", "a saved file"])
def test_a_project_that_is_replaced_meanwhile_leads_nowhere_else(tmp_path, monkeypatch, elsewhere, moment, what):
    monkeypatch.chdir(tmp_path)
    package, file = tmp_path / "package", tmp_path / "package" / "train.py"
    package.mkdir()
    file.write_bytes(OLD)
    real = getattr(module._Target, moment)

    def replaced(target: module._Target) -> None:
        if what == "a link to a folder":
            package.rename(tmp_path / "moved")
            package.symlink_to(elsewhere)
        else:
            file.unlink()
            if what == "a link to a file":
                file.symlink_to(elsewhere / "train.py")
            elif what == "a saved file":
                file.write_bytes(b"saved\n")
        real(target)

    monkeypatch.setattr(module._Target, moment, replaced)
    try:
        apply_changes([change_of(file)])
    except UsageError as error:
        assert "/proc/" not in str(error)
    assert [path.name for path in elsewhere.iterdir()] == ["train.py"]
    assert (elsewhere / "train.py").read_bytes() == OLD
    left = {path.name for path in (tmp_path / ("moved" if what == "a link to a folder" else "package")).iterdir()}
    assert left <= {"train.py"}
    if what == "a saved file":
        assert file.read_bytes() == b"saved\n"


def test_many_that_apply_at_once_write_the_patch_once(tmp_path):
    (tmp_path / "train.py").write_bytes(OLD)
    keep_patch(tmp_path, tmp_path / "train.py")
    command = [sys.executable, "-m", "descend", "apply"]
    started = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=300)[1] for process in started]
    again = "descend: the patch of run 1 has already been applied\n"
    assert sorted(said) == [again, again, "descend: wrote train.py\n"]
    assert (tmp_path / "train.py").read_bytes() == NEW
    assert sorted(os.listdir(tmp_path)) == [".descend", "train.py"]
