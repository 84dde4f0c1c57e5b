import pytest

from descend.doctor.remedies.output_activation import output_activation

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
CASES = [  # the source, its activation, the new activation, and the edited source
    ("m = nn.Softmax(dim=1)", "Softmax", "log_softmax", "m = nn.LogSoftmax(dim=1)"),
    ("m = nn.Softmax(-1)", "Softmax", "log_softmax", "m = nn.LogSoftmax(-1)"),
    ("m = nn.Softmax(dim=1)", "Softmax", "sigmoid", "m = nn.Sigmoid()"),
    ("m = nn.Sigmoid()", "Sigmoid", "softmax", "m = nn.Softmax(dim=1)"),
    ("m = nn.Sigmoid()", "Sigmoid", "softplus", "m = nn.Softplus()"),
    ("m = nn.ReLU(inplace=True)", "ReLU", "tanh", "m = nn.Tanh()"),
    ("p = F.softmax(z, dim=1)", "softmax", "log_softmax", "p = F.log_softmax(z, dim=1)"),
    ("p = F.softmax(z, 1)", "softmax", "log_softmax", "p = F.log_softmax(z, 1)"),
    ("p = torch.softmax(z, 1)", "softmax", "log_softmax", "p = torch.log_softmax(z, 1)"),
    ("p = z.softmax(1)", "softmax", "log_softmax", "p = z.log_softmax(1)"),
    ("p = net(x).softmax(dim=-1)", "softmax", "log_softmax", "p = net(x).log_softmax(dim=-1)"),
    ("p = torch.stack(zs).softmax(1)", "softmax", "log_softmax", "p = torch.stack(zs).log_softmax(1)"),
    ("p = z.softmax(1)", "softmax", "sigmoid", "p = z.sigmoid()"),
    ("p = F.softmax(z, dim=1)", "softmax", "sigmoid", "p = F.sigmoid(z)"),
    ("p = torch.sigmoid(z)", "sigmoid", "softmax", "p = torch.softmax(z, dim=1)"),
    ("p = z.sigmoid()", "sigmoid", "softmax", "p = z.softmax(dim=1)"),
    ("p = torch.sigmoid(z)", "sigmoid", "softplus", "p = torch.nn.functional.softplus(z)"),
    ("p = F.relu(z)", "relu", "softplus", "p = F.softplus(z)"),
    ("return F.softmax(self.out(x), dim=1)", "softmax", "log_softmax", "return F.log_softmax(self.out(x), dim=1)"),
]


@pytest.mark.parametrize(("before", "name", "other", "after"), CASES)
def test_another_activation_is_applied(patient, before: str, name: str, other: str, after: str) -> None:
    head = HEAD + ("def f(self, x):\n    " if before.startswith("return") else "")
    call = before.removeprefix("return ").split(" = ")[-1]
    p = patient(head + before + "\n", **{name: call})
    assert p.edited(output_activation, activation=other) == head + after + "\n"


def test_another_dimension_is_given(patient) -> None:
    p = patient(HEAD + "p = z.sigmoid()\n", sigmoid="z.sigmoid(")
    assert p.edited(output_activation, activation="softmax", dim=-1) == HEAD + "p = z.softmax(dim=-1)\n"


def test_every_site_is_edited(patient) -> None:
    text = HEAD + "if a: p = F.softmax(z, 1)\nelse: p = z.sigmoid()\n"
    p = patient(text, softmax="F.softmax(", sigmoid="z.sigmoid(")
    p.record.sites.append(p.record.sites[0])  # seen twice
    edited = p.edited(output_activation, activation="log_softmax")
    assert edited == HEAD + "if a: p = F.log_softmax(z, 1)\nelse: p = z.log_softmax(dim=1)\n"


def test_torch_is_imported_where_it_is_named(patient) -> None:
    p = patient("from torch.nn.functional import softmax\np = softmax(z, dim=1)\n", softmax="softmax(")
    assert p.edited(output_activation, activation="log_softmax") == (
        "from torch.nn.functional import softmax\nimport torch\np = torch.log_softmax(z, dim=1)\n"
    )


@pytest.mark.parametrize(
    ("text", "name", "call", "other", "reason"),
    [
        (
            "p = model(x)\n",
            "softmax",
            "model(",
            "sigmoid",
            "line 4 calls `model`, which uses the softmax only indirectly",
        ),
        ("p = z.softmax(d)\n", "softmax", "z.softmax(", "sigmoid", "does not contain the input of softmax"),
        ("p = z.sigmoid()\n", "sigmoid", "z.sigmoid(", "sigmoid", "is already sigmoid"),
        ("p = nn.Sigmoid()\n", "Sigmoid", "nn.Sigmoid(", "sigmoid", "is already Sigmoid"),
        ("p = z.sigmoid()\n", "sigmoid", "z.sigmoid(", "maxout", "not a known activation"),
    ],
)
def test_refusals_say_why(patient, text: str, name: str, call: str, other: str, reason: str) -> None:
    assert reason in patient(HEAD + text, **{name: call}).refusal(output_activation, activation=other)


def test_an_unrecorded_activation_is_refused(patient) -> None:
    assert "did not show" in patient("f(x)\n", loss="f(").refusal(output_activation, activation="sigmoid")


def test_the_logarithm_of_an_activation_is_applied(patient) -> None:
    text = HEAD + "z = torch.tensor([[1.0, 2.0], [0.0, 5.0]])\np = F.softmax(z, dim=1)\n"
    before: dict = {}
    after: dict = {}
    exec(text, before)
    exec(patient(text, softmax="F.softmax(").edited(output_activation, activation="log_softmax"), after)
    assert before["torch"].allclose(before["p"].log(), after["p"])
