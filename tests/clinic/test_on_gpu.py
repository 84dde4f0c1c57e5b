"""On a GPU a program gets the same findings as on the CPU."""

import json
from pathlib import Path

import pytest
import torch

CLINIC = Path(__file__).parents[2] / "clinic"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize(
    ("program", "finding"),
    [
        ("sick/moons_functions.py", "slow_progress"),
        ("sick/surface_shrunk_every_step.py", "wrong_step"),
        ("sick/houses_by_hand.py", "inputs_not_normalised"),
        ("healthy/manual_sgd.py", None),
    ],
)
def test_a_program_on_a_gpu_is_diagnosed_and_fixed(descend, tmp_path, program, finding):
    text = (CLINIC / program).read_text()
    script = tmp_path / "train.py"
    script.write_text(text.replace("import torch\n", 'import torch\n\ntorch.set_default_device("cuda")\n', 1))
    found = descend("doctor", "--format", "json", script.name, cwd=tmp_path, timeout=600)
    case = json.loads(found.stdout)
    assert [f["symptom"] for f in case["findings"][:1]] == ([finding] if finding else []), found.stderr
    assert case["reproduced"] is (True if finding else None)
