"""Labels with the opposite meaning for the loss, although data and loss are each correct."""

import json

import pytest

PAIRS = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
classes = torch.arange(600) % 6
x = torch.randn(600, 12) * 1.5
x[:, :3] += 2.5 * torch.randn(6, 3)[classes]
x[:, 3:] *= 3
net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)


def contrastive(first, second, other):
    apart = (first - second).pow(2).sum(1)
    return ((1 - other) * apart + other * torch.relu(2 - (apart + 1e-6).sqrt()).pow(2)).mean()


some, partners = torch.randint(500, (2, 2000))
pairs = TensorDataset(x[some], x[partners], (classes[some] == classes[partners]).float())
for epoch in range(10):
    for first, second, same in DataLoader(pairs, batch_size=50, shuffle=True):
        loss = contrastive(net(first), net(second), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    z = net(x)
nearest = torch.cdist(z[500:], z[:500]).argmin(1)
print("test 1-nn accuracy", (classes[:500][nearest] == classes[500:]).float().mean().item())
"""
ASKED = ("--format", "json", "--seeds", "2", "--select", "wrong_objective")


@pytest.mark.slow
@pytest.mark.thorough  # The clinic tests another such program.
def test_pairs_of_one_class_are_not_pushed_apart(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(PAIRS)
    case = json.loads(descend_here("doctor", *ASKED, "train.py", cwd=tmp_path).stdout)
    assert "+        same = 1 - same\n" in case["patch"] and case["patch"].count("\n+") == 2, case["trials"]
    assert [finding["symptom"] for finding in case["findings"]] == ["wrong_objective"]
