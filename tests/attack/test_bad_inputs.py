"""What comes in from outside and cannot be read is one line and status 2: scripts, notebooks, settings, options."""

import os
import socket
from pathlib import Path

import pytest
from complaints import one_line

from descend.core import regular_files
from descend.doctor.codemod import settings_files
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import DEEPEST, parse
from descend.doctor.record import Fact, Record, facts
from descend.doctor.script.script import Script

from .odd_sources import NOTEBOOKS, SCRIPTS, SETTINGS

LONG = "a" * 5000


@pytest.mark.parametrize("command", ["doctor", "gradcheck"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_python_cannot_read(descend_here, tmp_path, command, name):
    text = SCRIPTS[name]
    (tmp_path / "train.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = descend_here(command, "train.py")
    assert done.returncode == 2 and one_line(done.stderr, "train.py"), done.stderr[-2000:]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_that_is_none(descend_here, tmp_path, name):
    text = NOTEBOOKS[name]
    (tmp_path / "train.ipynb").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = descend_here("doctor", "train.ipynb")
    assert done.returncode == 2 and one_line(done.stderr, "train.ipynb"), done.stderr[-2000:]


@pytest.mark.parametrize("kind", ["sum", "elif", "attributes", "brackets"])
def test_a_valid_script_that_is_nested_deeply_cannot_be_edited_and_fails_nothing(kind):
    text = {
        "sum": "x = " + "+".join("1" * 900) + "\n",
        "elif": "if x == 0: pass\n" + "".join(f"elif x == {i}: pass\n" for i in range(900)),
        "attributes": "x = a" + ".b" * 900 + "\n",
        "brackets": "x = " + "[" * DEEPEST + "]" * DEEPEST + "\n",
    }[kind]
    compile(text, "train.py", "exec")
    with pytest.raises(NotApplicable, match="^train.py cannot be edited: it is nested too deeply$"):
        parse(Path("train.py"), text)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_from_elsewhere_are_read_in_no_time_or_left(tmp_path, name):
    text, is_read = SETTINGS[name]
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    record = Record()
    record.add(Fact.of(facts.FileRead(), 0, str(file)))
    found = {keys for keys, _ in settings_files._scalars(Script(tmp_path / "train.py", tmp_path), record)}
    assert (("lr",) in found) is (is_read or name == "the key twice")


PATHS = {
    "a long name": LONG,
    "a link to itself": "loop.py",
    "a socket": "socket.py",
    "a file below a file": "train.py/x.py",
    "a name with control characters": "a\nb\x1b[2J.py",
    "a null byte": "a\0.py",
    "half of a surrogate pair": "\ud800.py",
}


@pytest.mark.parametrize("command", ["doctor", "watch", "gradcheck", "layout"])
@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_leads_to_no_script(descend_here, tmp_path, name, command):
    (tmp_path / "train.py").write_text("")
    (tmp_path / "loop.py").symlink_to("loop.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.py"))
        done = descend_here(command, PATHS[name], "--steps", "3")
    assert done.returncode == 2 and one_line(done.stderr) and "\x1b" not in done.stderr, done.stderr


@pytest.mark.parametrize("module", ["", "..", LONG, "a/b", "a\0b"])
def test_a_module_that_is_none(descend_here, module):
    done = descend_here("doctor", "-m", module)
    assert done.returncode == 2 and one_line(done.stderr, "no module"), done.stderr


def test_a_script_without_an_end_is_refused(descend_here, tmp_path, monkeypatch):
    monkeypatch.setattr("descend.doctor.script.script.LARGEST", 1 << 20)
    monkeypatch.setattr(regular_files.read_regular_file, "__defaults__", (1 << 20,))
    done = descend_here("doctor", "/dev/zero")
    assert done.returncode == 2 and one_line(done.stderr, "/dev/zero is not a script: it is larger than 1 MB"), (
        done.stderr
    )
    with (tmp_path / "train.py").open("wb") as file:
        file.truncate(1 << 40)
    done = descend_here("doctor", "train.py")
    assert done.returncode == 2 and one_line(done.stderr, "larger than 1 MB"), done.stderr


def test_a_deleted_current_directory_is_one_line(descend_here, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    real = pytest.MonkeyPatch.chdir

    def into_the_deleted(patched: pytest.MonkeyPatch, path: Path) -> None:
        real(patched, gone)
        gone.rmdir()

    with monkeypatch.context() as patched:
        patched.setattr(pytest.MonkeyPatch, "chdir", into_the_deleted)
        done = descend_here("runs")
    assert done.returncode == 2 and one_line(done.stderr, "current directory no longer exists"), done.stderr


EXPRESSIONS = {
    "schedule": [
        "{}[0]",
        "[][0]",
        "Cosine(10**400)",
        "Cosine(1e400)",
        "(lambda f: f(f))(lambda f: f(f))",
        "'a' * 10**12",
        "(" * 300,
        "-" * 200_000 + "1",
        "\0",
        "1 / 0",
    ],
    "surface": ["-" * 200_000 + "x", "(" * 300, "x.real", "exit()", "x if x else y", "nan", "\0", "no.py:f", ".:f"],
    "rules": ["-" * 200_000 + "SGD", "(" * 300, "\0", "SGD(momentum=1e400)", "SGD(**{})", "SGD,", "SGD.x"],
    "window": ["-1e308,1e308,-1e308,1e308", "1,0,1,0", "nan,1,1,1", ""],
}


@pytest.mark.parametrize(
    ("option", "text"), [(option, text) for option, texts in EXPRESSIONS.items() for text in texts]
)
def test_an_expression_that_says_nothing(descend_here, option, text):
    pytest.importorskip("torch")
    quick = ["--steps", "2", "--starts", "1", "--lr", "0.1"]
    command = ["schedule", "--", text] if option == "schedule" else ["trajectories", *quick, f"--{option}={text}"]
    done = descend_here("lab", *command)
    assert (done.returncode, option, text) == (2, option, text) or (text in ("Cosine(10**400)", "SGD,", "")), (
        done.stderr
    )
    assert "Traceback" not in done.stderr and done.returncode in (0, 2), done.stderr[-2000:]


def test_a_plane_has_no_curvature_and_is_drawn(descend_here):
    done = descend_here("lab", "trajectories", "--surface", "x", "--steps", "2", "--starts", "1", "--lr", "0.1")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("sizes", ["9" * 5000 + ",1,2", "", "8,64", "²,3,4", "8,64,5\0"])
def test_sizes_of_batches_that_are_none(descend_here, tmp_path, sizes):
    (tmp_path / "train.py").write_text("")
    done = descend_here("lab", "gradients", f"--batches={sizes}", "train.py")
    assert done.returncode == 2 and one_line(done.stderr, "--batches"), done.stderr


@pytest.mark.parametrize("out", ["", ".", "/", "..", LONG, "a" * 256, "train.py/x", "/proc/x/y", "\ud800", "a\0b"])
def test_a_page_that_cannot_be_written(descend_here, tmp_path, out):
    (tmp_path / "train.py").write_text("")
    for command in (["lab", "schedule", "Cosine(10)"], ["lab", "curvature", "train.py"]):
        done = descend_here(*command[:2], "-o", out, *command[2:])
        assert done.returncode == 2 and one_line(done.stderr), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
