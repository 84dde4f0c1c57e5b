"""Problems whose probes always fail are reported as not checked."""

import pytest

from descend.doctor.catalog.checks import list_checks
from descend.doctor.script.script import Script

OWN_LOSS = """\
import torch

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(12):
    optimizer.zero_grad()
    loss = -torch.exp(-(model(x) - y).abs()).mean()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_a_probe_that_always_fails_leaves_its_problems_unchecked(tmp_path, observe):
    (tmp_path / "train.py").write_text(OWN_LOSS)
    record = observe(Script(tmp_path / "train.py", tmp_path))
    cost = record.costs["loss_input"]
    assert cost.calls == cost.failed > 0
    assert record.costs["curvature"].calls > record.costs["curvature"].failed == 0
    outcomes = {check.symptom: check.outcome for check in list_checks(record)}
    assert outcomes["output_loss_mismatch"] == "not_checked" and outcomes["oscillation"] == "checked"
