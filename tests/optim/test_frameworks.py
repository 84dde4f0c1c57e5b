"""Lightning, the Transformers Trainer and accelerate train with our optimizers as they do with torch's."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
SCRIPTS = Path(__file__).parents[1] / "scripts"
SWAPPED = """
import runpy, sys
import torch
from descend import optim
used = []
def swapped(ours):
    class Ours(ours):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            used.append(self)
    return Ours
for name in ("SGD", "Adam", "AdamW"):
    setattr(torch.optim, name, swapped(getattr(optim, name)))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
assert used and used[-1].engine == "native", [o.engine for o in used]
"""


def losses(file: Path, *command: str) -> dict[str, list[float]]:
    """Run a script, which writes what it has seen to a file, and return its losses."""
    done = subprocess.run([sys.executable, *command], cwd=SCRIPTS, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())["losses"]


@pytest.mark.parametrize(
    ("package", "script", "arguments"),
    [
        ("lightning", "lightning_loop.py", ["2"]),
        ("transformers", "trainer_loop.py", []),
        pytest.param("accelerate", "accelerate_loop.py", [], marks=pytest.mark.thorough),
    ],
)
def test_frameworks_train_as_with_torch_optimizers(tmp_path, package, script, arguments):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    theirs = losses(tmp_path / "theirs", script, str(tmp_path / "theirs"), *arguments)
    ours = losses(tmp_path / "ours", "-c", SWAPPED, script, str(tmp_path / "ours"), *arguments)
    assert theirs.keys() == ours.keys()
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, rel=1e-3)
