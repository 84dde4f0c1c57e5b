"""The untrained value of a logged metric: measured in a run without training, otherwise found in the source."""

import pytest

from descend.doctor.observe import observe
from descend.doctor.record import facts
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

FOLLOWED = """\
import copy
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
mean = copy.deepcopy(net).eval()
x = 5 + 3 * torch.randn(256, 4)
y = x[:, :1] * x[:, 1:2]
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(60):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
    with torch.no_grad():
        for own, new in zip(mean.parameters(), net.parameters()):
            own.mul_(0.9).add_(new, alpha=0.1)
with torch.no_grad():
    print(f"test psnr: {-10 * torch.log10((mean(x) - y).square().mean()).item():.4f}")
"""

BY_HAND = """\
import torch

torch.manual_seed(0)
x = torch.randn(256, 4)
y = x @ torch.tensor([1.0, -1.0, 0.5, 0.0])
weights = torch.zeros(4, requires_grad=True)
for _ in range(60):
    (x @ weights - y).square().mean().backward()
    with torch.no_grad():
        weights -= 0.1 * weights.grad
    weights.grad = None
print(f"test psnr: {-10 * torch.log10((x @ weights - y).square().mean()).item():.4f}")
"""


def observed(text: str, tmp_path):
    path = tmp_path / "train.py"
    path.write_text(text)
    with open_store(tmp_path / "runs") as store:
        return observe(Script(path, tmp_path), Plan(), store, lambda record, messages: None)


@pytest.mark.slow
def test_the_untrained_metric_is_unknown_for_manual_steps(tmp_path) -> None:
    record = observed(BY_HAND, tmp_path)
    assert record.places("logged_metric") == ["test psnr"] and not record.every(facts.UntrainedMetric)


@pytest.mark.slow
def test_the_untrained_metric_is_measured_before_the_source_is_searched(tmp_path) -> None:
    record = observed(FOLLOWED, tmp_path)
    assert record.fact(facts.UntrainedMetric, "test psnr") is not None
    assert record.fact(facts.UnaveragedBuffers, "0") == facts.UnaveragedBuffers(16)
