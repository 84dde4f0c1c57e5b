"""Activation checkpoints that pass no gradient to the parameters inside them."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)
block, head = nn.Sequential(nn.Linear(4, 6), nn.Tanh()), nn.Linear(6, 1)
optimizer = torch.optim.SGD([*block.parameters(), *head.parameters()], lr=0.1)
for step in range(8):
    x = torch.randn(16, 4)
    optimizer.zero_grad()
    head(CALL).square().mean().backward()
    optimizer.step()
with torch.no_grad():
    checkpoint(block, x, use_reentrant=True)
"""


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("checkpoint(block, x, use_reentrant=True)", 2),
        ("checkpoint(lambda x: block(x), x, use_reentrant=True)", 0),
        ("checkpoint(block, x.requires_grad_(), use_reentrant=True)", None),
        ("checkpoint(block, x, use_reentrant=False)", None),
        ("checkpoint(block.requires_grad_(False), x, use_reentrant=True)", None),  # The block is frozen.
    ],
)
def test_a_reentrant_checkpoint_without_an_input_that_needs_a_gradient_is_reported(observe, tmp_path, call, parameters):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("CALL", call))
    record = observe(Script(path, tmp_path, ()))
    found = record.fact(facts.CheckpointWithoutGradient)
    assert (found and found.parameters) == parameters
    if found is not None:
        assert "checkpoint(" in path.read_text().splitlines()[record.site("checkpoint", "0").line - 1]
