"""The script's own interpreter: without torch it is refused in one line; with torch it needs no descend."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def bare_python(tmp_path):
    """Return an interpreter without packages, and a function that adds a folder to its path."""
    venv.create(tmp_path / "venv", with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"

    def add(folder: Path | str) -> None:
        (tmp_path / "venv/lib" / version / "site-packages/found.pth").write_text(f"{folder}\n")

    return str(tmp_path / "venv/bin/python"), add


@pytest.mark.slow
@pytest.mark.parametrize("version", [None, "1.13.1"])
def test_an_interpreter_without_a_supported_torch_is_refused(bare_python, tmp_path, observe, version):
    python, add = bare_python
    if version:
        (tmp_path / "old/torch").mkdir(parents=True)
        (tmp_path / "old/torch/__init__.py").write_text(f"__version__ = {version!r}\n")
        add(tmp_path / "old")
    script = Script(SCRIPTS / "plain.py", SCRIPTS, (str(tmp_path / "seen.json"),), python=python)
    for role in ("baseline", "watch"):
        with pytest.raises(UsageError) as refused:
            observe(script, role)
        assert str(refused.value) == (
            f"{python} has no torch 2.6 or newer; name the script's interpreter with --python"
        )


def test_an_interpreter_that_cannot_be_started_is_refused(tmp_path, observe):
    script = Script(SCRIPTS / "plain.py", SCRIPTS, python=str(tmp_path / "no/python"))
    with pytest.raises(UsageError, match="no/python cannot be started: No such file"):
        observe(script)


@pytest.mark.slow
def test_an_interpreter_with_torch_needs_no_descend(bare_python, tmp_path, observe):
    python, add = bare_python
    add(sysconfig.get_path("purelib"))
    probe = [python, "-c", "import torch; print(torch.__version__); import descend"]
    found = subprocess.run(probe, capture_output=True, text=True, cwd=tmp_path)
    if "No module named 'descend'" not in found.stderr:
        pytest.skip("descend is installed next to torch")
    script = Script(SCRIPTS / "plain.py", SCRIPTS, (str(tmp_path / "seen.json"),), python=python)
    for role in ("baseline", "watch"):
        record = observe(script, role, allow_effects=True)
        assert (record.ending.reason, record.ending.steps) == ("finished", 30)
        assert len(record.series("loss", "0")) == 30
