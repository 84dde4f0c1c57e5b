"""Activations and normalisation are inserted into a network's source if that lists its layers one by one."""

from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS
from torch import nn

from descend.doctor.record import Fact
from descend.doctor.remedies import REMEDIES
from descend.network import insert_activations as inserted_activations
from descend.network import insert_normalisation as inserted_normalisation

HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import Linear\n"
MADE = "\nmodel = Net()\noptimizer = torch.optim.SGD(model.parameters(), 0.1)\n"
ONE_LINE = "model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 1))\n"
LINES = """model = nn.Sequential(
    nn.Linear(4, width := 5),  # reads
    nn.Linear(5, out_features=6),
    nn.Linear(6, 1),
)
"""
ATTRIBUTES = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 5)
        self.b, self.scale = None, 2.0
        self.out = Linear(5, 1)

    def forward(self, x):
        return self.out(self.scale * self.a(x))
"""
PARTS = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 3, 2), Linear(1, 2))
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))
"""
LIST = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Linear(4, 5), nn.Identity()]
        for _ in range(3):
            layers += [nn.Linear(5, 5), nn.Identity()]
        layers.append(nn.Linear(5, 1))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)
"""
APPENDED = """def build(layers, width):
    for _ in range(2):
        layers.append(nn.Linear(4, 4))
        layers.extend([nn.Identity(), nn.Linear(4, width)])
    return nn.Sequential(*layers, nn.Linear(width, 1))


model = build([], 4)
"""
WRITTEN = {  # source, shape of an example, source with activations, source with normalisation
    "one line": (
        ONE_LINE,
        (4,),
        "model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1))\n",
        "model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 6), nn.BatchNorm1d(6), "
        "nn.Linear(6, 1))\n",
    ),
    "lines": (
        LINES.replace("width := 5", "5"),
        (4,),
        """model = nn.Sequential(
    nn.Linear(4, 5),
    nn.ReLU(),  # reads
    nn.Linear(5, out_features=6),
    nn.ReLU(),
    nn.Linear(6, 1),
)
""",
        """model = nn.Sequential(
    nn.Linear(4, 5),
    nn.BatchNorm1d(5),  # reads
    nn.Linear(5, out_features=6),
    nn.BatchNorm1d(6),
    nn.Linear(6, 1),
)
""",
    ),
    "attributes": (
        ATTRIBUTES,
        (4,),
        ATTRIBUTES.replace("self.a(x)", "torch.relu(self.a(x))"),
        ATTRIBUTES.replace("self.a(x)", "self.a_norm(self.a(x))").replace(
            "nn.Linear(4, 5)\n", "nn.Linear(4, 5)\n        self.a_norm = nn.BatchNorm1d(5)\n"
        ),
    ),
    "a list that a loop makes longer": (
        LIST,
        (4,),
        LIST.replace("5), nn.I", "5), nn.ReLU(), nn.I"),
        LIST.replace("5), nn.I", "5), nn.BatchNorm1d(5), nn.I"),
    ),
    "appended": (
        APPENDED,
        (4,),
        APPENDED.replace("append(nn.Linear(4, 4))", "extend([nn.Linear(4, 4), nn.ReLU()])").replace(
            "nn.Linear(4, width)]", "nn.Linear(4, width), nn.ReLU()]"
        ),
        APPENDED.replace("append(nn.Linear(4, 4))", "extend([nn.Linear(4, 4), nn.BatchNorm1d(4)])").replace(
            "nn.Linear(4, width)]", "nn.Linear(4, width), nn.BatchNorm1d(width)]"
        ),
    ),
    "parts": (
        PARTS,
        (1, 5, 2),
        PARTS.replace(
            "nn.Conv2d(1, 3, 2), Linear(1, 2)", "nn.Conv2d(1, 3, 2), nn.ReLU(), Linear(1, 2), torch.nn.ReLU()"
        ),
        PARTS.replace(
            "nn.Conv2d(1, 3, 2), Linear(1, 2)",
            "nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), Linear(1, 2), torch.nn.BatchNorm1d(2)",
        ),
    ),
}


def admitted(patient, text: str, shape: tuple[int, ...]):
    text = HEAD + text + (MADE if "class Net" in text else MADE.replace("model = Net()\n", ""))
    p = patient(text, optimizer="torch.optim.SGD(", model="Net()" if "class Net" in text else "nn.Sequential(")
    p.record.add(Fact.of(replace(INPUTS, shape=(8, *shape), features=shape[0]), 0))
    return p


@pytest.mark.parametrize("case", WRITTEN)
def test_layers_are_inserted_into_the_source_of_the_network(patient, case):
    text, shape, activated, normalised = WRITTEN[case]
    p = admitted(patient, text, shape)
    assert p.edited(REMEDIES["insert_activations"]) == p.text.replace(text, activated)
    assert p.edited(REMEDIES["insert_normalisation"], kind="batch") == p.text.replace(text, normalised)


@pytest.mark.parametrize("case", ["one line", "lines", "attributes", "a list that a loop makes longer", "appended"])
@pytest.mark.parametrize("remedy", ["insert_activations", "insert_normalisation"])
def test_the_edited_network_computes_what_the_library_function_does(patient, case, remedy):
    text, shape, *_ = WRITTEN[case]
    p, ours, theirs = admitted(patient, text, shape), {}, {}
    torch.manual_seed(0)
    exec(p.edited(REMEDIES[remedy], kind="batch"), ours)
    torch.manual_seed(0)
    exec(p.text, theirs)
    if remedy == "insert_activations":
        inserted_activations(theirs["model"], nn.ReLU)
    else:
        inserted_normalisation(theirs["model"], "batch")
    x = torch.randn(16, *shape)
    assert ours["model"](x).equal(theirs["model"](x))


LOOP = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""
ELSEWHERE = {
    "a loop": LOOP,
    "a list of modules that is no sequence": LIST.replace("nn.Sequential(*layers)", "nn.ModuleList(layers)").replace(
        "return self.net(x)", "return [x := layer(x) for layer in self.net][-1]"
    ),
    "a loop that makes the last layer, too": LIST.replace("        layers.append(nn.Linear(5, 1))\n", ""),
    "what reaches no call": ATTRIBUTES.replace("self.a(x)", "nn.functional.linear(x, self.a.weight)"),
    "an added part": "model = nn.Sequential()\nmodel.add_module('a', nn.Linear(4, 4))\n"
    "model.add_module('b', nn.Linear(4, 1))\n",
}


@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize("remedy", ["insert_activations", "insert_normalisation"])
def test_hooks_insert_layers_that_the_source_does_not_list(patient, case, remedy):
    p, ours, theirs = admitted(patient, ELSEWHERE[case], (4,)), {}, {}
    edited = p.edited(REMEDIES[remedy], kind="batch")
    assert f"\n{remedy}(model)\noptimizer" in edited and "descend" not in edited
    torch.manual_seed(0)
    exec(edited, ours)
    torch.manual_seed(0)
    exec(p.text, theirs)
    if remedy == "insert_activations":
        inserted_activations(theirs["model"], nn.ReLU)
    else:
        inserted_normalisation(theirs["model"], "batch")
    x = torch.randn(16, 4)
    assert ours["model"](x).equal(theirs["model"](x))


@pytest.mark.parametrize("remedy", ["insert_activations", "insert_normalisation"])
def test_with_an_existing_normalisation_the_library_inserts_the_layers(patient, remedy):
    text = ONE_LINE.replace("nn.Linear(6", "nn.LayerNorm(6), nn.Linear(6")
    edited = admitted(patient, text, (4,)).edited(REMEDIES[remedy], kind="batch")
    assert f"from descend.network import {remedy}\n" in edited


def test_elements_of_sequences_are_examples_to_the_librarys(patient):
    edited = admitted(patient, ONE_LINE, (7, 4)).edited(REMEDIES["insert_normalisation"], kind="batch")
    assert "insert_normalisation(model" in edited


def test_the_model_of_the_optimizer_is_edited(patient):
    p = admitted(patient, ONE_LINE, (4,))
    (model,) = p.record.every_site("model")
    p.record.sites.append(model)
    assert "insert_activations(model)" in p.edited(REMEDIES["insert_activations"])
