"""A script with optimizers of `descend` is observed like any other; building a kernel is no effect of it."""

import pytest

from descend.doctor.script.script import find_script

TEXT = """
import torch
from descend import optim

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
net = torch.nn.Linear(4, 1)
optimizer = optim.Adam(net.parameters(), lr=0.01)
for step in range(30):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
assert optimizer.engine == "native", optimizer.engine
"""


@pytest.mark.slow
def test_building_a_kernel_is_not_an_effect_of_the_script(observe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TEXT)
    record = observe(find_script("train.py", ()))
    assert record.ending.reason == "finished", record.ending.error
    assert not record.effects
    assert len(record.series("preconditioned_curvature", "0"))  # The state is read as from torch's optimizers.
