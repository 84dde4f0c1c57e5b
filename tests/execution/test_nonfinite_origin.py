"""Non-finite data are found from the first non-finite loss; diverged values are not reported as data."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.doctor.instrumentation.nonfinite_origin import nonfinite_data, undefined_operation
from descend.doctor.record import Observed, facts
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
NAN, INF = float("nan"), float("inf")


def data() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(10, 4), torch.randn(10, 1)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_nonfinite_inputs_are_found(value: float) -> None:
    net, x, t = data()
    x[3, 1:3] = value
    found = nonfinite_data(F.mse_loss(net(x), t) + (0.0 if value != value else NAN))  # tanh is finite at infinity
    nan = 2 if value != value else 0
    assert found == facts.BadData("inputs", values=2, nan=nan, examples=1, of=10)


NO_TRACE = pytest.mark.xfail(strict=True, reason="a difference keeps neither of its operands")


@pytest.mark.parametrize(
    "loss",
    [
        F.mse_loss,
        F.smooth_l1_loss,
        F.binary_cross_entropy_with_logits,
        pytest.param(F.l1_loss, marks=NO_TRACE),
        pytest.param(lambda p, t: ((p - t) ** 2).mean(), marks=NO_TRACE),
    ],
)
def test_nonfinite_targets_are_found(loss) -> None:
    net, x, t = data()
    t[7] = NAN
    t[2] = INF
    assert nonfinite_data(loss(net(x), t)) == facts.BadData("targets", values=2, nan=1, examples=2, of=10)


UNDEFINED = {
    "pow": (lambda p: p**1.2, lambda p: p**2),
    "log": (torch.log, lambda p: (p - p.detach() + 1).log()),
    "log1p": (lambda p: torch.log1p(-2 - p * p), torch.log1p),
    "asin": (lambda p: torch.asin(9 * p), lambda p: torch.asin(p / 9)),
    "acos": (lambda p: torch.acos(9 * p), lambda p: torch.acos(p / 9)),
    "div": (lambda p: p / (p - p), lambda p: p / (p * p + 1)),
}


@pytest.mark.parametrize("function", UNDEFINED)
def test_a_function_outside_its_domain_is_found(function: str) -> None:
    net, x, _ = data()
    wrong, right = UNDEFINED[function]
    loss = wrong(net(x)).sum()
    assert not loss.isfinite()
    found = undefined_operation(loss)
    assert found is not None and found.function == function and found.is_partial and found.min <= 0
    assert undefined_operation(right(net(x)).sum()) is None


def test_diverged_values_are_not_reported_as_a_domain_error() -> None:
    net, x, _ = data()
    net[0].weight.data[0, 0] = NAN
    assert undefined_operation((net(x) ** 1.2).sum()) is None
    assert undefined_operation(((net(x * 1) * INF) ** 1.2).sum()) is None


def test_nonfinite_images_are_found() -> None:
    net, x = nn.Conv2d(1, 2, 3), torch.randn(5, 1, 6, 6)
    x[4, 0, 2:4, 2] = NAN
    found = nonfinite_data(net(x).square().mean())
    assert found == facts.BadData("inputs", values=2, nan=2, examples=1, of=5)


def test_diverged_parameters_are_not_reported_as_data() -> None:
    net, x, t = data()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e30)
    for _ in range(10):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), t)
        if not loss.isfinite():
            break
        loss.backward()
        optimizer.step()
    assert not loss.isfinite() and nonfinite_data(loss) is None


def test_nonfinite_computed_values_are_not_reported_as_data() -> None:
    net, x, t = data()
    assert nonfinite_data(net(x).sub(10).log().mean()) is None  # the logarithm of a negative number
    assert nonfinite_data((net(x) - net(x)).div(net(x) - net(x)).mean()) is None
    assert nonfinite_data(F.mse_loss(net(x), t)) is None
    assert nonfinite_data(torch.tensor(NAN)) is None


def test_targets_of_diverged_parameters_are_not_reported_as_data() -> None:
    net, x, _ = data()
    with torch.no_grad():
        net[2].bias.fill_(NAN)
        target = net(x + 1)
    assert nonfinite_data(F.mse_loss(net(x), target)) is None


@pytest.mark.slow
def test_the_step_with_nonfinite_data_is_reported(observe) -> None:
    record = observe(Script(SCRIPTS / "poisoned.py", SCRIPTS, ("inputs",)))
    assert record.history(facts.BadData) == [Observed(5, facts.BadData("inputs", values=1, nan=1, examples=1, of=32))]


POWER = """
import torch
from torch import nn
torch.manual_seed(0)
net, x = nn.Linear(3, 1), torch.randn(20, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
with torch.no_grad():
    net.bias.fill_(3.0)
for step in range(30):
    g = x.clone().requires_grad_()
    u = net(g)
    slope = torch.autograd.grad(u.sum(), g, create_graph=True)[0]
    loss = (u**1.5).mean() + slope.square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_the_line_of_an_undefined_power_is_reported_without_a_replay(observe, tmp_path) -> None:
    (tmp_path / "train.py").write_text(POWER)
    record = observe(Script(tmp_path / "train.py", tmp_path))
    [made] = record.history(facts.NotFinite)
    assert made.step > 0 and made.fact.function == "pow" and made.fact.min < 0
    site = record.site("not_finite")
    assert site is not None and site.line == 13
