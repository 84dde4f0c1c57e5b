"""The script that a command line means, and edits that keep encodings and line ends."""

import subprocess
import sys

import pytest

from descend.core.errors import UsageError
from descend.doctor.script.script import Script, find_script


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(folder, name: str, text: str = "print(__file__)\n"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "files",
    [
        ["m.py"],
        ["m/__main__.py"],
        ["m/__init__.py", "m/__main__.py", "m.py"],  # A package has precedence over a module of the same name,
        ["m/__main__.py", "m.py"],  # unless it is a namespace package.
    ],
)
def test_a_module_is_found_where_python_finds_it(tmp_path, files):
    for file in files:
        write(tmp_path, file, "" if file.endswith("__init__.py") else "print(__file__)\n")
    ran = subprocess.check_output([sys.executable, "-m", "m"], cwd=tmp_path, text=True).strip()
    assert str(find_script("m", as_module=True).path) == ran


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("missing.py", "no such script: missing.py"),
        ("folder", "folder is a directory; name the script that trains, such as folder/train.py"),
        ("broken.py", "broken.py:2: "),
        ("binary.py", "binary.py"),
    ],
)
def test_a_target_that_is_not_a_script_is_refused(tmp_path, target, text):
    (tmp_path / "folder").mkdir()
    write(tmp_path, "broken.py", "x = 1\ndef f(:\n")
    (tmp_path / "binary.py").write_bytes(b"\x80\x81\x00")
    with pytest.raises(UsageError, match=".*") as raised:
        find_script(target)
    assert text in str(raised.value) and "\n" not in str(raised.value)


def test_a_package_without_main_cannot_be_run(tmp_path):
    write(tmp_path, "m/__init__.py", "")
    write(tmp_path, "m.py")
    with pytest.raises(UsageError, match="no module m"):
        find_script("m", as_module=True)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_diff_can_be_applied_by_patch(tmp_path, newline, last, encoding):
    path = tmp_path / "train.py"
    lines = [f"# -*- coding: {encoding} -*-", "größe = 1", "lr = 5.0", "print(lr)"]
    path.write_bytes((newline.join(lines) + last.replace("\n", newline)).encode(encoding))
    script = Script(path, tmp_path)
    text = script.read(path).replace("5.0", "0.1")
    edited = script.edit(path, text)
    assert edited.read(path) == text and script.read(path) != text
    diff = edited.diff().encode(encoding)
    subprocess.run(["patch", "-p0", "--binary"], input=diff, cwd=tmp_path, check=True, capture_output=True)
    assert path.read_bytes() == edited.encode(path, text)
