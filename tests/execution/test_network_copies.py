"""How far the copies that a script evaluates follow the network that it trains."""

import pytest
import torch
from torch import nn

from descend.doctor.instrumentation.network_copies import find_copies
from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import copy
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

torch.manual_seed(0)
x = torch.randn(64, 6)
y = x @ torch.randn(6, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)


def error(network):
    with torch.no_grad():
        return (network(x) - y).square().mean().item()


def main():
    model = Net()
    average = COPY
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for step in range(40):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
        UPDATE
    FINALLY


main()
"""
EMA = "[a.data.lerp_(p.data, {weight}) for a, p in zip(average.parameters(), model.parameters())]"


@pytest.fixture
def run(observe, tmp_path):
    """Return a function that runs the script with a copy and its update, and returns the facts on copies."""

    def run(
        copy: str = "copy.deepcopy(model)", update: str = "pass", finally_: str = "error(average)"
    ) -> list[facts.EvaluatedCopy]:
        path = tmp_path / "train.py"
        path.write_text(SCRIPT.replace("COPY", copy).replace("UPDATE", update).replace("FINALLY", finally_))
        record = observe(Script(path, tmp_path, ()))
        found = record.every(facts.EvaluatedCopy)
        lines = [record.site("evaluated_copy", key).line for key in found]
        assert all(finally_ in path.read_text().splitlines()[line - 1] for line in lines)
        return list(found.values())

    return run


def test_a_copy_that_never_changes_follows_nothing(run):
    assert run() == [facts.EvaluatedCopy(0.0, "average", "model", is_network_called=False)]


def test_a_slow_average_follows_a_part_of_the_change(run):
    (slow,) = run(update=EMA.format(weight=0.001))
    assert 0.005 < slow.followed < 0.05
    (fast,) = run(update=EMA.format(weight=0.5))
    assert 0.9 < fast.followed < 1.0


def test_the_module_of_an_averaged_model_is_a_copy(run):
    (average,) = run("AveragedModel(model)", "average.update_parameters(model)")
    assert average.copy == "average" and 0.5 < average.followed < 1.0


def test_a_function_that_receives_the_copy_is_not_the_place_to_change(observe, tmp_path):
    text = SCRIPT.replace("COPY", "copy.deepcopy(model)").replace("UPDATE", "pass").replace("FINALLY", "error(average)")
    path = tmp_path / "train.py"
    path.write_text("\n".join(_at_module_level(text)))
    record = observe(Script(path, tmp_path, ()))
    (key,) = record.every(facts.EvaluatedCopy)
    # The network is a global variable, too, but the function's parameter must stay in use.
    assert record.fact(facts.EvaluatedCopy, key).copy == "average"
    assert "error(average)" in path.read_text().splitlines()[record.site("evaluated_copy", key).line - 1]


def _at_module_level(text: str) -> list[str]:
    """Return the lines of the script with the body of `main` at module level."""
    head, body = text.split("def main():\n")
    return [*head.splitlines(), *(line[4:] for line in body.replace("\nmain()\n", "").splitlines())]


def test_a_call_of_the_network_after_the_last_step_is_seen(run):
    assert run(finally_="error(average), error(model)")[0].is_network_called


@pytest.mark.parametrize(
    ("copy", "finally_"),
    [
        ("Net()", "error(average)"),  # Other initial values: the network is no copy.
        ("copy.deepcopy(model)", "error(model)"),  # The copy is not evaluated.
        ("model", "error(average)"),
    ],
)
def test_other_networks_are_no_copies(run, copy, finally_):
    assert run(copy, finally_=finally_) == []


def test_the_largest_network_with_a_copy_is_found():
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)))
    copy = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)))
    copy.load_state_dict(network.state_dict())
    holder = nn.ModuleDict({"online": network, "target": copy})
    held = frozenset(map(id, network.parameters()))
    modules = [holder, *holder.modules(), "text", torch.ones(2)]
    assert list(find_copies(list({id(m): m for m in modules}.values()), held)) == [(network, copy)]
    with torch.no_grad():
        copy[0].bias.add_(1)
    assert list(find_copies(list(network.modules()) + [copy], held)) == []
