"""Gradients that a script clips after the step, so that no step uses the result."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import torch
from torch import nn

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(20):
    x = torch.randn(8, 4)
    optimizer.zero_grad()
    model(x).square().mean().backward()
    BEFORE
    optimizer.step()
    AFTER
"""
CLIP = "nn.utils.clip_grad_norm_(model.parameters(), 0.1)"


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ("pass", CLIP, 4),
        (CLIP, "pass", None),
        ("pass", CLIP.replace("0.1", "float('inf')"), None),  # The script only reads the norm.
        ("pass", f"model(x).sum().backward(); {CLIP}", None),  # The next step uses these gradients.
    ],
)
def test_clipping_between_a_step_and_the_next_pass_is_counted(observe, tmp_path, before, after, late):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("BEFORE", before).replace("AFTER", after))
    found = observe(Script(path, tmp_path, ())).fact(facts.LateClipping)
    assert (found and found.calls) == late
