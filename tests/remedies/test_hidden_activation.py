import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.hidden_activation import hidden_activation

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn, sigmoid\nfrom torch.nn import Sigmoid\n"
CALLS = [  # code before, name of the activation, arguments, code after
    ("h = torch.sigmoid(z)", "sigmoid", "relu", "h = torch.relu(z)"),
    ("h = torch.sigmoid(self.a(x))", "sigmoid", "leaky_relu", "h = torch.nn.functional.leaky_relu(self.a(x))"),
    ("h = F.sigmoid(z)", "sigmoid", "relu", "h = F.relu(z)"),
    ("h = F.relu(z)", "relu", "leaky_relu", "h = F.leaky_relu(z)"),
    ("h = F.relu(z, inplace=True)", "relu", "leaky_relu", "h = F.leaky_relu(z, inplace=True)"),
    ("h = F.relu(z, inplace=True)", "relu", "tanh", "h = F.tanh(z)"),
    ("h = F.leaky_relu(z, 0.2)", "leaky_relu", "relu", "h = F.relu(z)"),
    ("h = F.elu(input=z, alpha=0.2)", "elu", "relu", "h = F.relu(input=z)"),
    ("h = torch.nn.functional.tanh(z)", "tanh", "leaky_relu", "h = torch.nn.functional.leaky_relu(z)"),
    ("h = z.sigmoid()", "sigmoid", "relu", "h = z.relu()"),
    ("h = self.a(x).tanh()", "tanh", "leaky_relu", "h = torch.nn.functional.leaky_relu(self.a(x))"),
    ("z.sigmoid_()", "sigmoid", "relu", "z.relu_()"),
    ("torch.tanh_(z)", "tanh", "leaky_relu", "torch.nn.functional.leaky_relu_(z)"),
    ("h = sigmoid(z)", "sigmoid", "relu", "h = torch.relu(z)"),
    ("h = F.softplus(\n    a + b,\n    beta=2,\n)", "softplus", "relu", "h = F.relu(\n    a + b)"),
    ("act = torch.sigmoid\nh = act(z)", "sigmoid", "tanh", "act = torch.sigmoid\nh = torch.tanh(z)"),
    ("m = nn.Sigmoid()", "Sigmoid", "relu", "m = nn.ReLU()"),
    ("m = nn.Sigmoid()", "Sigmoid", "leaky_relu", "m = nn.LeakyReLU()"),
    ("m = torch.nn.ReLU(inplace=True)", "ReLU", "tanh", "m = torch.nn.Tanh()"),
    ("m = Sigmoid()", "Sigmoid", "relu", "m = torch.nn.ReLU()"),
    ("h = nn.Sigmoid()(z)", "Sigmoid", "relu", "h = nn.ReLU()(z)"),
]


def call_of(text: str, name: str) -> str:
    """Return the beginning of the first call of the name (or of `act`), as it is in the text."""
    import ast

    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    call = next(c for c in calls if ast.unparse(c.func).split(".")[-1].rstrip("_") in (name, "act"))
    return ast.get_source_segment(text, call)


@pytest.mark.parametrize(("before", "name", "activation", "after"), CALLS)
def test_one_activation_is_replaced(patient, before: str, name: str, activation: str, after: str) -> None:
    text = HEAD + before + "\n"
    p = patient(text, hidden_activation=call_of(text, name), made={"hidden_activation": name})
    assert p.edited(hidden_activation, activation=activation) == HEAD + after + "\n"


NETWORK = """import torch
from torch import nn

net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 1), nn.Sigmoid())
"""


def test_all_activations_but_the_output_are_replaced(patient) -> None:
    p = patient(NETWORK, hidden_activation__0="nn.Tanh(", hidden_activation__1="nn.Sigmoid(")
    assert p.edited(hidden_activation, activation="relu") == NETWORK.replace("Tanh", "ReLU").replace(
        "nn.Sigmoid(), nn.Linear(8, 1)", "nn.ReLU(), nn.Linear(8, 1)"
    )


def test_an_activation_inside_another_is_replaced(patient) -> None:
    text = HEAD + "h = torch.sigmoid(b(torch.sigmoid(a(x)).tanh()))\n"
    calls = {"0": "torch.sigmoid(b", "1": "torch.sigmoid(a(x))", "2": "torch.sigmoid(a(x)).tanh"}
    p = patient(text, **{f"hidden_activation__{key}": call for key, call in calls.items()})
    assert p.edited(hidden_activation, activation="relu") == HEAD + "h = torch.relu(b(torch.relu(a(x)).relu()))\n"
    assert p.edited(hidden_activation, activation="leaky_relu").count("torch.nn.functional.leaky_relu(") == 3


LAYERS = "layers = [m for i in range(3) for m in (nn.Linear(4, 4), nn.Sigmoid())]\n"


def test_a_call_seen_for_several_modules_is_edited_once(patient) -> None:
    calls = {f"hidden_activation__{i}": "nn.Sigmoid(" for i in range(3)}
    p = patient(HEAD + LAYERS, **calls)
    assert p.edited(hidden_activation, activation="relu") == HEAD + LAYERS.replace("Sigmoid", "ReLU")


def test_a_module_that_also_computes_the_output_is_not_replaced(patient) -> None:
    p = patient(HEAD + LAYERS, hidden_activation="nn.Sigmoid(", Sigmoid="nn.Sigmoid(")
    assert p.refusal(hidden_activation, activation="relu") == "the Sigmoid in line 5 is also the output activation"


def test_an_equal_activation_is_not_replaced(patient) -> None:
    text = HEAD + "h = F.relu(a(x))\nk = torch.tanh(b(h))\n"
    p = patient(text, hidden_activation__0="F.relu(", hidden_activation__1="torch.tanh(")
    assert p.edited(hidden_activation, activation="relu") == text.replace("tanh", "relu")
    p = patient(text, hidden_activation__0="F.relu(")
    assert p.refusal(hidden_activation, activation="relu") == "the hidden activations are already relu"


def test_torch_is_imported_where_it_is_needed(patient) -> None:
    p = patient("from torch.nn import Tanh\nm = Tanh()\n", hidden_activation="Tanh(")
    assert p.edited(hidden_activation, activation="relu") == (
        "from torch.nn import Tanh\nimport torch\nm = torch.nn.ReLU()\n"
    )


@pytest.mark.parametrize(
    ("text", "call", "name", "reason"),
    [
        ("h = encoder(x)\n", "encoder(", "relu", "line 1 calls `encoder`, which uses the relu only indirectly"),
        ("h = ops.tanh(x)\n", "ops.tanh(", "tanh", "line 1 does not contain the input of tanh"),
    ],
)
def test_refusals_say_why(patient, text: str, call: str, name: str, reason: str) -> None:
    p = patient(text, hidden_activation=call, made={"hidden_activation": name})
    assert p.refusal(hidden_activation, activation="leaky_relu") == reason


def test_no_site_and_no_such_activation(patient) -> None:
    p = patient("x = 1\n")
    assert "did not show where the hidden activations are" in p.refusal(hidden_activation, activation="relu")
    p.record.sites.append(Site("hidden_activation", "0", str(p.script.path), 1))
    assert p.refusal(hidden_activation, activation="swosh") == "`swosh` is not a known activation"


def test_the_edited_network_runs(patient) -> None:
    import torch

    p = patient(NETWORK, hidden_activation__0="nn.Tanh(", hidden_activation__1="nn.Sigmoid(")
    names: dict[str, object] = {}
    exec(p.edited(hidden_activation, activation="leaky_relu"), names)
    assert [type(m).__name__ for m in names["net"]][1::2] == ["LeakyReLU", "LeakyReLU", "Sigmoid"]
    assert names["net"](torch.zeros(3, 2)).shape == (3, 1)
