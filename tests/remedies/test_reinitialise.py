import pytest
from record_facts import INPUTS

from descend.doctor.record import Fact, Note, Site
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.reinitialise import reinitialise
from descend.doctor.remedies.standardise_inputs import standardise_inputs

IMPORT = "from descend.network import reinitialise\n"
CASES = {
    "a model": ("o = SGD(model.parameters(), 1)\n", ["model"]),
    "an attribute": ("self.o = SGD(self.net.parameters(), 1)\n", ["self.net"]),
    "a list": ("o = SGD(list(model.parameters()), 1)\n", ["model"]),
    "a keyword": ("o = SGD(lr=1, params=model.parameters())\n", ["model"]),
    "a group": ("o = SGD([{'params': model.parameters()}], 1)\n", ["model"]),
    "groups": (
        "o = SGD([{'params': net.a.parameters()}, {'params': net.b.parameters()}], 1)\n",
        ["net.a", "net.b"],
    ),
    "a chain": ("o = SGD(chain(enc.parameters(), dec.parameters()), 1)\n", ["enc", "dec"]),
    "a sum": ("o = SGD(list(a.parameters()) + list(a.parameters()), 1)\n", ["a"]),
    "a filter": ("o = SGD(filter(lambda p: p.requires_grad, m.parameters()), 1)\n", ["m"]),
    "a generator": ("o = SGD((p for p in m.parameters() if p.requires_grad), 1)\n", ["m"]),
    "named parameters": ("o = SGD([p for n, p in m.named_parameters() if 'w' in n], 1)\n", ["m"]),
    "a part": ("o = SGD(net[1].parameters(), 1)\n", ["net[1]"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_read_from_the_optimizer(patient, case: str) -> None:
    text, models = CASES[case]
    p = patient(text, optimizer="SGD(")
    assert below(p.edited(reinitialise, activation="relu", optimizer="0")) == f"initialise({', '.join(models)})\n{text}"
    lines = [f'reinitialise({model}, activation="relu")\n' for model in models]
    p.record.add(Note("torchrun", "several processes"))
    assert p.edited(reinitialise, activation="relu", optimizer="0") == IMPORT + "".join(lines) + text


def below(edited: str) -> str:
    """Return the text after the function that the patch inserted."""
    function, _, rest = edited.partition("torch.nn.init.zeros_(layer.bias)\n")
    heads = tuple(f"import torch\n\n\ndef initialise({models}):\n" for models in ("model", "*models"))
    assert function.startswith(heads)
    return rest.removeprefix("\n\n")


GIVEN = {  # scripts in which a function that gets the model makes the optimizer
    "a function": ("def fit(m):\n    o = SGD(m.parameters(), 1)\n{}fit(net)\n", "net"),
    "a function that two loops call": (
        "def fit(m):\n    o = SGD(m.parameters(), 1)\n{}for e in r:\n    for k in r:\n        fit(net)\n",
        "net",
    ),
    "a constructor": (
        "class T:\n    def __init__(self, model):\n        self.model = model\n"
        "        self.o = SGD(self.model.parameters(), 1)\n{}t = T(net.body)\n",
        "net.body",
    ),
    "a model of its own": ("def fit():\n    m = N()\n{}    o = SGD(m.parameters(), 1)\nfit()\n", "m"),
    "a model made there": ("def fit(m):\n{}    o = SGD(m.parameters(), 1)\nfit(N())\n", "m"),
    "several calls": ("def fit(m):\n{}    o = SGD(m.parameters(), 1)\nfit(a)\nfit(b)\n", "m"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_the_call_is_inserted_where_the_model_is_passed_to_the_training(patient, case: str) -> None:
    text, name = GIVEN[case]
    indent = "    " if "{}    " in text else ""
    p = patient(text.format(""), optimizer="SGD(")
    assert below(p.edited(reinitialise, activation="relu")) == text.format(f"{indent}initialise({name})\n")


def test_the_edit_writes_nn_if_the_file_does(patient) -> None:
    text = "from torch import nn, optim\nm = nn.Sequential(nn.Linear(1, 2))\no = optim.SGD(m.parameters(), 1)\n"
    p = patient(text, optimizer="optim.")
    edited = p.edited(reinitialise, activation="relu")
    assert "isinstance(m, nn.Linear)]" in edited and "torch.nn" not in edited


def test_a_name_for_the_parameters_is_followed(patient) -> None:
    text = "params = list(net.parameters())\no = SGD(params, 1)\n"
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="tanh")
    assert below(edited) == text.replace("o =", "initialise(net)\no =")


def test_the_call_is_inserted_after_blank_lines_and_before_comments(patient) -> None:
    text = "net = Net()\n\n\n# the rule\n# to be tuned\no = SGD(net.parameters(), 1)\n"
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="relu")
    assert below(edited) == text.replace("# the rule", "initialise(net)\n# the rule")


@pytest.mark.parametrize("text", ["def f(self):\n    return SGD(self.parameters(), 1)\n"])
def test_the_call_is_inserted_before_a_return(patient, text: str) -> None:
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="relu")
    assert below(edited) == text.replace("    return", "    initialise(self)\n    return")


@pytest.mark.parametrize("argument", ["get(net)", "make().parameters()", "[p for m in ms for p in m.parameters()]"])
def test_the_recorded_model_is_used_if_the_optimizer_does_not_show_it(patient, argument: str) -> None:
    text = f"net = Net()\no = SGD({argument}, 1)\n"
    p = patient(text, optimizer="SGD(", model="Net(")
    assert "initialise(net)" in p.edited(reinitialise, activation="relu")
    p.record.sites[1] = Site("model", "", p.record.sites[1].file, 1, variable="net", function="build")
    assert "which model's parameters" in p.refusal(reinitialise, activation="relu")


def test_nothing_is_inserted_into_a_lambda(patient) -> None:
    p = patient("make = lambda m: SGD(m.parameters(), 1)\n", optimizer="SGD(")
    assert "lambda" in p.refusal(reinitialise, activation="relu")


def test_a_function_of_that_name_is_respected(patient) -> None:
    p = patient("def initialise(m): pass\no = SGD(m.parameters(), 1)\n", optimizer="SGD(")
    assert "already uses the name `initialise`" in p.refusal(reinitialise, activation="relu")


NET = """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv1d(3, 50, 5), torch.nn.Flatten(), torch.nn.Linear(300, 200, bias=False),
                          torch.nn.Linear(200, 100))
twin = torch.nn.Linear(300, 200)
o = torch.optim.SGD([*net.parameters(), *twin.parameters()], 1)
drawn = torch.rand(3)
"""
STDS = {  # standard deviations of the first two layers and of the last one
    "relu": [(2 / 15) ** 0.5, (2 / 300) ** 0.5, (1 / 200) ** 0.5],
    "leaky_relu": [(2 / 1.0001 / 15) ** 0.5, (2 / 1.0001 / 300) ** 0.5, (1 / 200) ** 0.5],
    "tanh": [5 / 3 * (2 / (15 + 250)) ** 0.5, 5 / 3 * (2 / 500) ** 0.5, (2 / 300) ** 0.5],
    "sigmoid": [(2 / (15 + 250)) ** 0.5, (2 / 500) ** 0.5, (2 / 300) ** 0.5],
}


@pytest.mark.parametrize("activation", STDS)
def test_what_is_written_draws_at_the_scale_of_the_activation(patient, activation: str) -> None:
    names: dict[str, object] = {}
    edited = patient(NET, optimizer="torch.optim.SGD(").edited(reinitialise, activation=activation)
    assert "descend" not in edited
    exec(edited, names)
    layers = [layer for layer in names["net"] if hasattr(layer, "weight")]
    for layer, std in zip(layers[:2], STDS[activation], strict=False):
        assert layer.weight.std().item() == pytest.approx(std, rel=0.1)
        assert layer.bias is None or not layer.bias.any()
    assert layers[2].weight.std().item() == pytest.approx(STDS[activation][2], rel=0.1)
    assert not layers[1].weight.equal(names["twin"].weight)
    before: dict[str, object] = {}
    exec(NET, before)
    assert names["drawn"].equal(before["drawn"])  # the order of the batches does not change either


TABLES = """
import torch
from torch import nn
torch.manual_seed(0)
tied, alike = nn.Embedding(9, 8), nn.Embedding(5, 8, padding_idx=0)
nn.init.ones_(alike.weight)
net = nn.ModuleList([tied, alike, nn.Linear(8, 8), nn.Linear(8, 9), nn.Linear(8, 2)])
net[3].weight = tied.weight
before = tied.weight.clone()
o = torch.optim.SGD(net.parameters(), 1)
"""


def test_embeddings_stay_unless_all_features_are_equal(patient) -> None:
    names: dict[str, object] = {}
    edited = patient(TABLES, optimizer="torch.optim.SGD(").edited(reinitialise, activation="relu")
    assert "descend" not in edited
    exec(edited, names)
    assert names["tied"].weight.equal(names["before"])
    assert names["alike"].weight[1:].std() > 0.5 and not names["alike"].weight[0].any()


def test_two_functions_in_any_order(patient) -> None:
    text = "import torch\no = SGD(net.parameters(), 1)\nfor x in X:\n    net(x)\n"
    p = patient(text, optimizer="SGD(", model_call="net(")
    p.record.add(Fact.of(INPUTS, 0))
    texts = set()
    for order in ((reinitialise, standardise_inputs), (standardise_inputs, reinitialise)):
        script = p.script
        for remedy in order:
            script = apply_remedy(remedy, script, p.record, {"activation": "relu"})
        texts.add(script.read(script.path))
    assert len(texts) == 1


KINDS = {  # calls in a file, and the layers that are initialised in it
    "net = nn.Sequential(nn.Linear(1, 2))": "isinstance(m, nn.Linear)]",
    "net = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Linear(1, 2))": "isinstance(m, (nn.Linear, nn.Conv3d))]",
    "net = made_elsewhere()\nhead = nn.Linear(1, 2)": "isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d))]",
}


@pytest.mark.parametrize("made", KINDS)
def test_the_kinds_of_layers_are_those_of_the_file_that_makes_them(patient, made: str) -> None:
    p = patient(f"from torch import nn, optim\n{made}\no = optim.SGD(net.parameters(), 1)\n", optimizer="optim.")
    assert KINDS[made] in p.edited(reinitialise, activation="relu")
