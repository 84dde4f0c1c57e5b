"""A learning rate that decays too early, and layers of unequal scale: the cause is reported first."""

import json

import pytest

HEAD = """
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
pixels, digits = load_digits(return_X_y=True)
loader = DataLoader(TensorDataset(torch.tensor(pixels).float() / 16, torch.tensor(digits)), batch_size=64, shuffle=True)
"""
DECAYED = """
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[3], gamma=0.001)
for epoch in range(25):
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    scheduler.step()
"""
UNEQUAL = """
layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(64, 10))
with torch.no_grad():
    model[2].weight *= 30
    model[4].weight /= 30
optimizer = torch.optim.SGD(model.parameters(), lr=0.003)
for epoch in range(8):
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images - 0.3), labels).backward()
        optimizer.step()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "symptom", "remedy", "removed"),
    [
        (DECAYED, "schedule", "constant_rate", "-    scheduler.step()"),
        pytest.param(
            UNEQUAL,
            "layer_rate_mismatch",
            "adaptive_rule",
            "-optimizer = torch.optim.SGD(model.parameters(), lr=0.003)",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_the_cause_is_reported_first_and_its_remedy_is_proved(descend_here, tmp_path, script, symptom, remedy, removed):
    (tmp_path / "train.py").write_text(HEAD + script)
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert case["findings"][0]["symptom"] == symptom
    [proved] = [trial for trial in case["trials"] if trial["verdict"] == "proved"]
    assert remedy in proved["remedies"] and removed in case["patch"]
    assert not any("whiten" in each for trial in case["trials"] for each in trial["remedies"])
