"""A watched script runs as under plain python: its start, its output and its end."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.script.script import Script

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[1] / "scripts"
WATCHING = Path(__file__).with_name("watching.py")
RUNPY = re.compile(r'  File "<frozen runpy>".*\n')  # Python's own frames under -m, which we remove as well


def both(*command: str, stdin: str = "", cwd: Path = SCRIPTS):
    """Run a command under plain python and under observation; return both results."""

    def done(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=120
        )

    return done(*command), done(str(WATCHING), *command)


@pytest.mark.parametrize(
    "target",
    ["faithful.py", "../scripts/faithful.py", str(SCRIPTS / "faithful.py")],
    ids=["name", "roundabout", "absolute"],
)
def test_a_watched_script_starts_as_under_python(target):
    plain, watched = both(target, "--epochs", "3", "a b", stdin="1\n2\n")
    assert watched.stderr == plain.stderr
    assert watched.stdout.replace(target, "faithful.py") == plain.stdout.replace(target, "faithful.py")
    assert "from a thread" in plain.stdout and "at exit" in plain.stdout


ENDINGS = {
    "status": 3,
    "message": 1,
    "syntax": 1,
    "relative": 1,
    "name": 1,
    "hook": 1,
    "group": 1,
    "gone": 5,
    "killed": 137,
    "interrupt": 130,
}


@pytest.mark.parametrize("kind", sampled(ENDINGS, "status", "syntax", "hook", "gone", "interrupt"))
def test_a_watched_script_ends_as_under_python(kind):
    plain, watched = both("endings.py", kind)
    assert watched.stdout == plain.stdout
    assert watched.stderr == plain.stderr
    assert watched.returncode == ENDINGS[kind]
    assert plain.returncode % 256 == ENDINGS[kind] or plain.returncode == 128 - ENDINGS[kind]


@pytest.mark.parametrize("kind", sampled(["step", "closure", "backward", "forward", "builtin"], "step"))
def test_a_traceback_contains_no_frame_of_descend(kind, observe):
    plain, watched = both("endings.py", kind)
    assert plain.returncode == watched.returncode == 1
    assert watched.stderr == plain.stderr
    assert "Error" in plain.stderr or "Trouble" in plain.stderr
    ending = observe(Script(SCRIPTS / "endings.py", SCRIPTS, (kind,))).ending  # the baseline runs in a scratch copy
    assert (ending.reason, ending.status, ending.error) == ("failed", 1, plain.stderr)


def test_a_watched_module_starts_as_under_python(stage, tmp_path):
    for role, module in (("baseline", "pack.train"), ("watch", "pack"), ("watch", "pack.__main__")):
        name = "pack/train.py" if module == "pack.train" else "pack/__main__.py"
        file = tmp_path / f"{module}.json"
        command = [sys.executable, "-m", module, str(file)]
        subprocess.run(command, cwd=SCRIPTS, check=True, timeout=120)
        assert stage.observed(role, name, module=module).text == file.read_text()


def test_a_modules_traceback_equals_that_of_python():
    plain, watched = both("-m", "pack.train", "/nowhere/at/all.json")
    assert RUNPY.sub("", plain.stderr) == watched.stderr
    assert watched.returncode == plain.returncode == 1
