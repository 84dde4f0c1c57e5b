import pytest
import torch

from descend.doctor.remedies.make_layers_once import make_layers_once

HEAD = "from torch import nn\nclass Net(nn.Module):\n"
NET = """\
import torch
from torch import nn
WIDTH = 8
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.linear = nn.Linear(4, width)

    def forward(self, x):
        x = self.linear(x)
        middle = nn.Linear(in_features=self.width, out_features=WIDTH)
        x = middle(x)
        return nn.Linear(WIDTH, 1)(x)
"""
TWO = {"made_in_forward__0": "nn.Linear(in_features", "made_in_forward__1": "nn.Linear(WIDTH"}


def test_layers_are_made_at_the_end_of_the_constructor(patient):
    assert patient(NET, **TWO).changes(make_layers_once) == [
        "+        self.middle = nn.Linear(in_features=self.width, out_features=WIDTH)",
        "+        self.linear_2 = nn.Linear(WIDTH, 1)",
        "-        middle = nn.Linear(in_features=self.width, out_features=WIDTH)",
        "+        middle = self.middle",
        "-        return nn.Linear(WIDTH, 1)(x)",
        "+        return self.linear_2(x)",
    ]


def test_the_moved_layer_is_trained(patient):
    names = {}
    exec(patient(NET, **TWO).edited(make_layers_once), names)
    net = names["Net"](6)
    x = torch.randn(5, 4)
    assert torch.equal(net(x), net(x)) and len(list(net.parameters())) == 6
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("return nn.Linear(x.shape[1], 1)(x)", "line 6 uses `x`, which exists only in the forward pass"),
        ("for i in range(2): x = nn.Linear(4, 4)(x)", "line 6 creates several layers in a loop"),
        ("return [nn.Linear(4, 4)(x) for _ in range(2)]", "line 6 creates several layers in a loop"),
    ],
)
def test_layers_that_cannot_be_moved_are_refused(patient, line, reason):
    text = HEAD + "    def __init__(self):\n        pass\n    def forward(self, x):\n        " + line + "\n"
    assert patient(text, made_in_forward="nn.Linear(").refusal(make_layers_once) == reason


def test_a_missing_constructor_or_record_is_refused(patient):
    text = HEAD + "    def forward(self, x):\n        return nn.Linear(4, 1)(x)\n"
    refused = patient(text, made_in_forward="nn.Linear(").refusal(make_layers_once)
    assert refused == "line 4 is not inside a class with an `__init__`"
    assert "did not show where" in patient(text).refusal(make_layers_once)
