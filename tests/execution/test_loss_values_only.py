"""If a recording's gradient differs from the script's, only its loss values are used."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

HEAD = """\
import torch
from torch import nn

class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        return g / 2

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.b({activation})

torch.manual_seed(0)
net, x = Net(), torch.randn(64, 4)
{hook}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(40):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), x[:, :1])
    loss.backward()
    optimizer.step()
"""
HOOK = "net.a.weight.register_hook(lambda g: g / 3)"
CASES = [("Half.apply(self.a(x))", ""), ("self.a(x).tanh()", HOOK)]


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "hook"), [*CASES, ("self.a(x).tanh()", "")])
def test_losses_are_measured_but_curvature_only_with_the_right_gradient(observe, tmp_path, activation, hook) -> None:
    path = tmp_path / "train.py"
    path.write_text(HEAD.format(activation=activation, hook=hook))
    record = observe(Script(path, tmp_path), steps=40, seconds=100)
    assert record.series("metric", "squared_error").last < record.series("metric", "squared_error").first
    is_right = (activation, hook) not in CASES
    assert bool(len(record.series("curvature", "0"))) == is_right
    assert (record.fact(facts.Connections) is not None) == is_right
    assert any("gradient" in note.reason for note in record.notes if note.probe == "tape") != is_right
