"""Lightning, the Transformers Trainer and accelerate train with our optimizers as they do with torch's."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
SCRIPTS = Path(__file__).parents[1] / "scripts"
TWICE = """
import runpy, sys
import torch
from descend import optim
script, theirs, ours, *arguments = sys.argv[1:]
used = []
def train(file):
    sys.argv = [script, file, *arguments]
    runpy.run_path(script, run_name="__main__")
def swapped(ours):
    class Ours(ours):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            used.append(self)
    return Ours
train(theirs)
for name in ("SGD", "Adam", "AdamW"):
    setattr(torch.optim, name, swapped(getattr(optim, name)))
train(ours)
assert used and used[-1].engine == "native", [o.engine for o in used]
"""


def losses(file: Path) -> dict[str, list[float]]:
    """Return the losses that a script has written to a file."""
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
    files = tmp_path / "theirs", tmp_path / "ours"
    command = [sys.executable, "-c", TWICE, script, *map(str, files), *arguments]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    theirs, ours = map(losses, files)
    assert theirs.keys() == ours.keys()
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, rel=1e-3)
