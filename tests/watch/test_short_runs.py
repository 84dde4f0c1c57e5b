"""A watched run of a few dozen steps is checked for mistakes in its wiring, whatever the time budget."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
from torch import nn
import descend

x = torch.randn(512, 20)
y = x[:, :4].argmax(1)

class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(20, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.body(x).relu().detach())

def plain():
    return nn.Sequential(nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))

def train(name, model, *, held=None, clears=True, softmax=False, evaluates=False):
    optimizer = torch.optim.SGD((held or model).parameters(), lr=0.05)
    print(f"begin {name}", file=sys.stderr, flush=True)
    with descend.watch(model, optimizer):
        for step in range(40):
            rows = torch.randint(512, (32,))
            scores = model(x[rows])
            loss = nn.functional.cross_entropy(scores.softmax(1) if softmax else scores, y[rows])
            if clears:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if evaluates and step == 10:
                model.eval()

train("working", plain())
train("uncleared", plain(), clears=False)
model = plain()
train("missing", model, held=model[3])
train("softmax", plain(), softmax=True)
train("detached", Cut())
train("evaluating", plain(), evaluates=True)
"""
FOUND = {
    "uncleared": "no_zero_grad",
    "missing": "parameters_not_in_optimizer",
    "softmax": "output_loss_mismatch",
    "detached": "frozen_or_detached",
    "evaluating": "eval_mode",
}


@pytest.mark.slow
def test_wiring_mistakes_are_found_in_forty_steps(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, path], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    parts = {part.split()[0]: part for part in done.stderr.split("begin ")[1:]}
    for name, text in parts.items():
        assert "40 steps" in text and "the run was too short to check for" in text and "use descend doctor" in text
        assert all((f"[{symptom}]" in text) == (name == fault) for fault, symptom in FOUND.items()), (name, text)
