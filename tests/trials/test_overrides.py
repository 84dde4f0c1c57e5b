"""Consultations on training loops that set the learning rate in every step, as nanoGPT does."""

import json

import pytest

SCRIPT = """\
import math

import torch
from torch import nn
from torch.nn import functional as F

learning_rate = 0.1
min_lr = 0.01
warmup_iters = 2
lr_decay_iters = 80
max_iters = 80

torch.manual_seed(1337)
inputs = torch.randn(512, 10)
targets = torch.sin(inputs @ torch.randn(10, 1))


def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return min_lr
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return min_lr + coeff * (learning_rate - min_lr)


model = nn.Sequential(nn.Linear(10, 1024), nn.Tanh(), nn.Linear(1024, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
for it in range(max_iters):
    for param_group in optimizer.param_groups:
        {overwrite}
    ix = torch.randint(512, (64,))
    loss = F.mse_loss(model(inputs[ix]), targets[ix])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
"""


def consulted(descend_here, tmp_path, overwrite: str) -> dict:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(overwrite=overwrite))
    options = ("--store", str(tmp_path / "store"), "--format", "json", "--seeds", "2", "--select", "instability")
    done = descend_here("doctor", *options, script.name, cwd=tmp_path)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_learning_rate_that_the_loop_sets_is_edited_at_its_source(descend_here, tmp_path) -> None:
    case = consulted(descend_here, tmp_path, 'param_group["lr"] = get_lr(it)')
    assert case["findings"][0]["symptom"] == "instability"
    (fix,) = [trial for trial in case["trials"] if trial["patch"] == "fix"]
    assert fix["remedies"] == ["learning_rate"] and fix["verdict"] == "proved" and case["reproduced"]
    removed = [line for line in case["patch"].splitlines() if line.startswith("-") and not line.startswith("---")]
    assert removed == ["-learning_rate = 0.1", "-min_lr = 0.01"]
    idle = [trial for trial in case["trials"] if trial["verdict"] == "ineffective"]
    assert [trial["remedies"] for trial in idle] == [["linear_schedule"]]  # overwritten, too
    assert idle[0]["reason"].endswith("overrides it")


@pytest.mark.slow
def test_an_overridden_edit_is_not_reported_as_tried(descend_here, tmp_path) -> None:
    """The source does not show which setting the line writes, or where its value comes from."""
    overwrite = 'param_group.update(dict(zip(["lr"], map(get_lr, [it]))))'
    text = SCRIPT.format(overwrite=overwrite)
    line = text.splitlines().index("        " + overwrite) + 1
    case = consulted(descend_here, tmp_path, overwrite)
    rates = [trial for trial in case["trials"] if trial["remedies"] == ["learning_rate"]]
    assert rates and all(trial["verdict"] == "ineffective" for trial in rates)
    assert {trial["reason"] for trial in rates} == {f"no effect: line {line} overrides it"}
    assert not [trial for trial in rates if trial["patch"]]
