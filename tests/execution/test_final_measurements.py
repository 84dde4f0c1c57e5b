"""Final measurements: only the script's own optimizers are counted."""

from descend.doctor.record import facts
from descend.doctor.script.script import Script

TEXT = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(30):
    loss = (net(x).relu() + x[:, :1].abs()).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_steps_and_passes_of_measurements_are_not_counted(observe, tmp_path):
    """The attainable loss is found with optimizers of torch.optim, which the hooks also see."""
    path = tmp_path / "train.py"
    path.write_text(TEXT)
    record = observe(Script(path, tmp_path))
    crossing = record.fact(facts.Crossing, "0")
    assert crossing and crossing.function == "relu" and crossing.in_head
    assert record.site("crossing", "0").line == 10
    assert record.steps == 30 and list(record.every(facts.Optimizer)) == ["0"]
