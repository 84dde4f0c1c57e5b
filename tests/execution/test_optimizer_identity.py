"""Optimizers that a script makes again over the same parameters."""

import pytest
import torch

from descend.doctor.assess.stages import stages
from descend.doctor.instrumentation.early_checks import WIRING_STEPS
from descend.doctor.instrumentation.optimizer_identity import OptimizerIdentities
from descend.doctor.record import facts
from descend.doctor.script.script import Script

LOOP = (("train.py", 10), ("train.py", 30))  # made in line 10, called from line 30


@pytest.fixture
def identities():
    return OptimizerIdentities({}, owns_run=True)


def step(identities, optimizer, times):
    identities.find(optimizer).steps += times


def test_optimizers_created_in_a_loop_count_as_one(identities):
    weights = [torch.zeros(2, requires_grad=True)]
    optimizers = [torch.optim.SGD(weights, lr=0.1) for _ in range(3)]
    taken = []
    for optimizer in optimizers:
        taken.append(identities.register(optimizer, LOOP))
        step(identities, optimizer, 100)
    assert [is_new for _, is_new in taken] == [True, False, False]
    (stepper,) = identities.steppers.values()
    assert stepper.steps == 300 and stepper.optimizer is optimizers[-1] and identities.find(optimizers[0]) is stepper


def test_stages_that_share_a_function_are_two_optimizers(identities):
    weights = [torch.zeros(2, requires_grad=True)]
    other_way = (LOOP[0], ("train.py", 31))
    made = [torch.optim.SGD(weights, lr=0.1) for _ in range(4)]
    identities.register(made[0], LOOP)
    step(identities, made[0], 1)
    assert identities.register(made[1], other_way)[1] is False  # it has taken only a few steps
    step(identities, made[1], WIRING_STEPS + 1)
    assert identities.register(made[2], LOOP)[1] is True
    step(identities, made[2], 50)
    assert identities.register(made[3], LOOP)[1] is False
    assert list(identities.steppers) == ["0", "1"]


@pytest.mark.parametrize("change", ["rate", "parameters", "class", "line"])
def test_an_optimizer_with_other_properties_counts_separately(identities, change):
    weights, others = ([torch.zeros(2, requires_grad=True)] for _ in range(2))
    identities.register(torch.optim.SGD(weights, lr=0.1), LOOP)
    other = {
        "rate": lambda: torch.optim.SGD(weights, lr=0.2),
        "parameters": lambda: torch.optim.SGD(others, lr=0.1),
        "class": lambda: torch.optim.Adam(weights, lr=0.1),
        "line": lambda: torch.optim.SGD(weights, lr=0.1),
    }[change]()
    lines = (("train.py", 11), LOOP[1]) if change == "line" else LOOP
    assert identities.register(other, lines)[1] is True


def test_an_optimizer_of_a_freed_network_counts_separately():
    identities, keys = OptimizerIdentities({}, owns_run=False), set()
    for _ in range(5):
        weights = [torch.zeros(2, requires_grad=True)]
        keys.add(identities.register(torch.optim.SGD(weights, lr=0.1), LOOP)[0].key)
        del weights
    assert len(keys) == 5
    assert identities.register(torch.optim.SGD([{"params": []}], lr=0.1), LOOP)[1] is True


SCRIPT = """\
import torch
torch.manual_seed(0)
net = torch.nn.Linear(3, 1)

def learn(x):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()

for i in range(15):
    learn(torch.randn(8, 3))
    learn(torch.randn(8, 3))
"""


@pytest.mark.slow
@pytest.mark.parametrize("role", ["baseline", "bare"])
def test_a_new_optimizer_in_each_step_counts_as_one_training(observe, tmp_path, role):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    record = observe(Script(path, tmp_path), role=role, steps=20, seconds=100)
    assert (record.ending.reason, record.ending.steps) == ("window", 20) and record.ending.weights
    if role == "baseline":
        assert record.places("loss") == ["0"] and len(record.series("loss", "0")) == 20


@pytest.mark.slow
def test_the_weights_equal_those_under_plain_python(observe, tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    ends = [observe(Script(path, tmp_path), role=role, steps=20, seconds=100).ending for role in ("baseline", "bare")]
    assert ends[0].weights == ends[1].weights != ""


ROUNDS = """
import torch
net = torch.nn.Linear(3, 1)

def fit(lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for step in range(12):
        optimizer.zero_grad()
        (net(torch.randn(8, 3)) ** 2).mean().backward()
        optimizer.step()

for epoch in range(3):
    fit(0.1 * 0.9**epoch)
fit(0.01)
"""


@pytest.mark.slow
def test_an_optimizer_with_other_settings_in_a_loop_counts_separately(observe, tmp_path):
    path = tmp_path / "train.py"
    path.write_text(ROUNDS)
    record = observe(Script(path, tmp_path))
    assert [record.fact(facts.Optimizer, str(key)).again for key in range(4)] == [False, True, True, False]
    assert record.fact(facts.Optimizer, "3").after == {"0": 12, "1": 12, "2": 12} and stages(record) == ["0", "3"]
