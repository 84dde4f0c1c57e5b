"""Settings of Python, the locale and the terminal that few use: each command does the same, and its status is kept."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from complaints import complaints
from sampling import sampled

from .kept_patches import OLD, keep_patch
from .world import TRAINING

pytestmark = pytest.mark.slow
COMMANDS = {  # a command -> its exit status, and a word that it prints
    "doctor --help": (0, "--seeds"),
    "explain dead_units": (0, "Deadunits:"),
    "runs": (0, "train.py"),
    "diagnose --format json": (1, "schema"),
    "diagnose": (1, "verdict"),
    "report": (0, "report.html"),
    "export": (0, "readings.parquet"),
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "warnings are errors in development mode": {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
    "no documentation strings": {"PYTHONOPTIMIZE": "2"},
    "no current folder in the path": {"PYTHONSAFEPATH": "1"},
    "the C locale": {"LC_ALL": "C"},
    "the C locale, as it is": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a locale that does not exist": {"LC_ALL": "xx_YY.invalid", "LANG": "xx_YY.invalid"},
    "Latin-1": {"LANG": "de_DE.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "ASCII, strictly": {"PYTHONIOENCODING": "ascii:strict"},
    "UTF-8, strictly": {"PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "1"},
    "no columns": {"COLUMNS": "0", "LINES": "0"},
    "one column": {"COLUMNS": "1"},
    "very many columns": {"COLUMNS": "9" * 30},
    "no colours": {"NO_COLOR": "1"},
    "a terminal without a cursor": {"TERM": "dumb", "COLORTERM": "\x1b[2J"},
    "short numbers": {"PYTHONINTMAXSTRDIGITS": "640"},
    "a traced memory": {"PYTHONTRACEMALLOC": "1"},
    "no bytecode": {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "{folder}/none"},
    "a debugger that does not exist": {"PYTHONBREAKPOINT": "nosuch.module", "PYTHONUNBUFFERED": "x"},
    "no home": {"HOME": "{folder}/kept.txt", "XDG_CONFIG_HOME": "{folder}/kept.txt"},
    "no folder for temporary files": {"TMPDIR": "{folder}/none", "TEMP": "{folder}/none", "TMP": "{folder}/none"},
    "a file in the place of that folder": {"TMPDIR": "{folder}/kept.txt"},
    "an empty path of programs": {"PATH": ""},
    "settings of typer": {"_TYPER_STANDARD_TRACEBACK": "1", "TYPER_USE_RICH": "0", "_DESCEND_COMPLETE": "source_bash"},
}
environments = pytest.mark.parametrize("name", sampled(ENVIRONMENTS, "ASCII, strictly"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "train.py").write_bytes(OLD)
    (folder / "kept.txt").write_text("kept")
    keep_patch(folder, "train.py")
    return folder


def started(command: str, folder: Path, environment: dict[str, str], shell: str = "") -> subprocess.CompletedProcess:
    """Run a command of ours, in a shell's line where the line says how: `{}` is the command."""
    words = [sys.executable, "-m", "descend", *command.split()]
    if shell:
        words = ["bash", "-c", shell.format(shlex.join(words))]
    added = {name: value.format(folder=folder) for name, value in environment.items()}
    surroundings = {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1", **added}
    return subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, timeout=120, check=False)


@environments
def test_each_command_says_the_same_in_any_environment(kept, name):
    for command, (status, word) in [*COMMANDS.items()][:4]:
        done = started(command, kept, ENVIRONMENTS[name])
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert done.returncode == status and not complaints(err), (command, err[-1500:])
        assert word in "".join(out.split()) or "column" in name, (command, out)
        if "json" in command:
            assert json.loads(out)["schema"]


@pytest.mark.parametrize("name", sampled(ENVIRONMENTS, "warnings are errors"))
def test_a_script_is_watched_in_any_environment(kept, tmp_path, name):
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "train.py").write_text(TRAINING.format(steps=8) + "print('done')\n")
    done = started("watch train.py", tmp_path, ENVIRONMENTS[name])
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == 0 and "done" in out and "Traceback" not in err and "mistake" not in err, err
    assert "run 1, 8 steps" in err, err


ENDS = {  # what a shell does to the streams of a command -> the status, if it is not the command's own
    "its reader ends at once": ("{} | true; exit ${{PIPESTATUS[0]}}", 128 + signal.SIGPIPE),
    "its reader takes one line": ("{} | head -1; exit ${{PIPESTATUS[0]}}", 128 + signal.SIGPIPE),
    "no input": ("{} <&-", None),
    "no output": ("{} >&-", None),
    "no errors": ("{} 2>&-", None),
    "no streams": ("{} <&- >&- 2>&-", None),
    "only its owner may do nothing": ("umask 777; {}", None),
    "few files": ("ulimit -n 24; {}", None),
    "no core of any size": ("ulimit -c 0; ulimit -s 1024; {}", None),
}


@pytest.mark.parametrize("name", sampled(ENDS, "its reader ends at once"))
def test_a_command_without_its_streams_keeps_its_status(tmp_path, name):
    shell, other = ENDS[name]
    (tmp_path / "train.py").write_bytes(OLD)
    keep_patch(tmp_path, "train.py")
    before = (tmp_path / ".descend" / "descend.db").read_bytes()
    for command, (status, _) in COMMANDS.items():
        done = started(command, tmp_path, {"PYTHONUNBUFFERED": "1"}, shell)
        err = done.stderr.decode()
        assert done.returncode in (status, other), (command, done.returncode, err[-1000:])
        assert not complaints(err), (command, err[-1000:])
    assert (tmp_path / ".descend" / "descend.db").read_bytes()[:64] == before[:64]
    assert (tmp_path / "train.py").read_bytes() == OLD
