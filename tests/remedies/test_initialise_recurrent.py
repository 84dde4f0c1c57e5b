import pytest
import torch

from descend.doctor.record import Fact, facts
from descend.doctor.remedies.initialise_recurrent import initialise_recurrent

HEAD = "import torch\nfrom torch import optim\n"


def test_the_call_is_inserted_before_the_optimizer(patient) -> None:
    p = patient(HEAD + "net = Net()\no = optim.SGD(net.parameters())\n", optimizer="optim.SGD(")
    added = [line for line in p.changes(initialise_recurrent, length=50) if line.startswith("+")]
    assert added == [
        "+from descend.network import initialise_recurrent",
        "+initialise_recurrent(net, length=50)",
    ]


def test_parameters_without_a_visible_model_are_refused(patient) -> None:
    p = patient(HEAD + "o = optim.SGD([w])\n", optimizer="optim.SGD(")
    assert "which model's parameters" in p.refusal(initialise_recurrent, length=50)


NET = """
import torch
torch.manual_seed(0)
net = torch.nn.{layer}(3, 400)
optimizer = torch.optim.SGD(net.parameters(), 1)
drawn = torch.rand(3)
"""
SEEN = {"RNN": "rnn_tanh", "LSTM": "lstm", "GRU": "gru"}


def started(patient, layer: str, *functions: str):
    p = patient(NET.format(layer=layer), optimizer="torch.optim.SGD(")
    for i, function in enumerate(functions):
        p.record.add(Fact.of(facts.Recurrent(function, 50), 0, str(i)))
    edited, names = p.edited(initialise_recurrent, length=50), {}
    exec(edited, names)
    return edited, names


@pytest.mark.parametrize("layer", SEEN)
def test_the_written_function_initialises_the_layers(patient, layer: str) -> None:
    edited, names = started(patient, layer, SEEN[layer])
    assert "descend" not in edited
    net, before = names["net"], {}
    exec(NET.format(layer=layer), before)
    assert names["drawn"].equal(before["drawn"])
    parts = net.bias_ih_l0.view(-1, 400) + net.bias_hh_l0.view(-1, 400)
    if layer == "RNN":
        weight = net.weight_hh_l0.detach()
        assert weight @ weight.T == pytest.approx(torch.eye(400), abs=1e-4) and not parts.any()
        return
    remembering = parts[1].exp()  # 1 / (1 − σ(b)) = 1 + e^b steps
    assert remembering.min() > 1 and remembering.max() < 49 and remembering.mean().item() == pytest.approx(25, rel=0.1)
    if layer == "LSTM":
        assert parts[0].equal(-parts[1])
    assert net.weight_hh_l0.equal(before["net"].weight_hh_l0)


@pytest.mark.parametrize("functions", [(), ("gru", "lstm")])
def test_layers_of_several_kinds_use_the_library_function(patient, functions) -> None:
    assert "from descend.network" in started(patient, "GRU", *functions)[0]


CLASS = """
import torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self, units=30):
        super().__init__()
        self.rnn = nn.RNN(3, units, batch_first=True{more})
        self.head = nn.Linear(units, 1)
        {after}
net = Net()
optimizer = torch.optim.SGD(net.parameters(), 1)
drawn = torch.rand(3)
"""


def in_class(patient, more: str = "", after: str = "", function: str = "rnn_tanh") -> str:
    p = patient(CLASS.format(more=more, after=after), model="Net()", optimizer="torch.optim.SGD(")
    p.record.add(Fact.of(facts.Recurrent(function, 50), 0, "0"))
    return p.edited(initialise_recurrent, length=50)


def test_a_layer_is_initialised_in_the_models_class(patient) -> None:
    edited, text = in_class(patient), CLASS.format(more="", after="")
    new = [line.strip() for line in edited.splitlines() if line not in text.splitlines()]
    assert new == [
        "with torch.random.fork_rng():  # what is drawn later stays as it was",
        "nn.init.orthogonal_(self.rnn.weight_hh_l0)",
    ]
    now, before = {}, {}
    exec(edited, now)
    exec(text, before)
    weight = now["net"].rnn.weight_hh_l0.detach()
    assert weight @ weight.T == pytest.approx(torch.eye(30), abs=1e-4) and now["drawn"].equal(before["drawn"])
    assert now["net"].head.weight.equal(before["net"].head.weight)


@pytest.mark.parametrize(
    "how",
    [
        {"more": ", num_layers=2"},
        {"more": ", bidirectional=True"},
        {"after": "nn.init.normal_(self.rnn.weight_hh_l0)"},
        {"after": "self.rnn = nn.RNN(3, units)"},
        {"function": "gru"},
    ],
)
def test_other_layers_are_initialised_by_a_function(patient, how: dict[str, str]) -> None:
    assert "\ninitialise_recurrent(net)\noptimizer" in in_class(patient, **how)
