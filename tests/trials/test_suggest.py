"""A script that trains well gets suggestions, which are never written to the file."""

import json

import pytest

WELL = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(400, 5) * torch.tensor([1.0, 0.5, 0.3, 1.0, 2.0])
y = (x @ torch.tensor([1.0, -2.0, 1.0, 0.5, 0.2]) + 0.1 * torch.randn(400) > 0).long()
model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(40):
    for rows in torch.randperm(400).split(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
"""


@pytest.mark.slow
def test_improvements_are_suggested_but_not_applied(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(WELL)
    options = ("--seeds", "3", "--suggest", "--apply", "--format", "json")
    done = descend_here("doctor", *options, "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert (done.returncode, case["status"], case["findings"], case["patch"]) == (0, "healthy", [], None)
    suggested = [trial for trial in case["trials"] if trial["verdict"] == "suggested"]
    assert suggested and all(trial["after"] < trial["before"] for trial in suggested)
    assert (tmp_path / "train.py").read_text() == WELL
    kept = sorted((tmp_path / ".descend").glob("*/suggestion-*.diff"))
    assert len(kept) == len(suggested) and all(path.read_text().startswith("--- train.py") for path in kept)
