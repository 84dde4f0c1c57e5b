"""Code that changes gradients before a step, or parameters between steps, is reported with its lines."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

LOOP = """\
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for step in range(20):
    loss = ((net(x) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    {before}
    optimizer.step()
    {after}
"""
GRADIENT, PARAMETERS = "altered_gradient", "altered_parameters"
ALTERED = [  # before the step, after the step, the reported fact, kinds and lines of the sites
    ("[p.grad.neg_() for p in net.parameters()]", "pass", {"cosine": -1.0, "ratio": 1.0}, [(GRADIENT, 12)]),
    ("for p in net.parameters(): p.grad = 3 * p.grad", "pass", {"cosine": 1.0, "ratio": 3.0}, [(GRADIENT, 12)]),
    ("net.weight.grad *= 0.5; net.bias.grad *= 0.5", "pass", {"cosine": 1.0, "ratio": 0.5}, [(GRADIENT, 12)]),
    ("nn.utils.clip_grad_norm_(net.parameters(), 1e-3)", "pass", {"cosine": 1.0}, [(GRADIENT, 12)]),
    ("nn.utils.clip_grad_norm_(net.parameters(), 1e3)", "pass", None, [(GRADIENT, 12)]),
    ("pass", "net.weight.data.mul_(0.5)", {"between_steps": None}, [(PARAMETERS, 14)]),
    ("pass", "with torch.no_grad(): net.weight.copy_(net.weight.half())", {"between_steps": None}, [(PARAMETERS, 14)]),
    ("pass", "net.reset_parameters()", {"between_steps": None}, [(PARAMETERS, 14)]),
    ("print(net.weight.grad.norm())", "best = net.weight.detach().clone(); best.mul_(0.5)", None, []),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after", "told", "lines"), ALTERED)
def test_writes_to_gradients_and_parameters_are_reported_with_their_lines(
    observe, tmp_path, before, after, told, lines
) -> None:
    (tmp_path / "train.py").write_text(LOOP.format(before=before, after=after))
    record = observe(Script(tmp_path / "train.py", tmp_path), steps=20)
    found = record.fact(facts.Alterations, "0")
    sites = [(site.kind, site.line) for kind in (GRADIENT, PARAMETERS) for site in record.every_site(kind)]
    assert list(dict.fromkeys(sites)) == lines
    assert (found is None) == (told is None)
    for name, value in (told or {}).items():
        told_as = getattr(found, name)
        assert told_as == pytest.approx(value, abs=1e-5) if value is not None else told_as > 0
    assert not [note for note in record.notes if note.probe == "observer"]


SCALED = """\
import torch
from torch import nn
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
x = torch.randn(64, 4)
for step in range(20):
    optimizer.zero_grad()
    scaler.scale(net(x).square().mean()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
"""


@pytest.mark.slow
def test_unscaling_by_a_grad_scaler_is_not_reported(observe, tmp_path) -> None:
    (tmp_path / "train.py").write_text(SCALED)
    assert observe(Script(tmp_path / "train.py", tmp_path), steps=20).fact(facts.Alterations, "0") is None


@pytest.mark.slow
def test_a_deleted_optimizer_state_is_reported(observe, tmp_path) -> None:
    text = LOOP.format(before="pass", after="optimizer.state.clear()").replace("lr=0.01", "lr=0.01, momentum=0.9")
    (tmp_path / "train.py").write_text(text)
    record = observe(Script(tmp_path / "train.py", tmp_path), steps=20)
    assert record.fact(facts.Alterations, "0") == facts.Alterations(forgotten=2)
    assert [site.line for site in record.every_site("altered_state")] == [14]


PRINTED = """\
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
for step in range(50):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("rmse", float((net(x) - y).square().mean().sqrt()))
"""


@pytest.mark.slow
def test_printed_metrics_are_recorded_with_and_without_training(observe, tmp_path) -> None:
    (tmp_path / "train.py").write_text(PRINTED)
    script = Script(tmp_path / "train.py", tmp_path)
    trained, idle = observe(script, steps=60), observe(script, role="trial_run", steps=60, trains=False)
    start = observe(Script(tmp_path / "train.py", tmp_path), steps=1).series("loss", "0").first ** 0.5
    assert trained.series("logged_metric", "rmse").values[0] < 0.5 * start
    assert idle.series("logged_metric", "rmse").values == pytest.approx((start,), rel=1e-5)
    assert trained.series("logged_metric", "rmse").steps == (50,)
