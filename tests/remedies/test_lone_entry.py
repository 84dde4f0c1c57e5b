import pytest

from descend.doctor.remedies.remove_normalisation import remove_normalisation
from descend.doctor.remedies.softmax_dimension import softmax_dimension

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
ALONG = [
    (
        "w = torch.softmax(self.score(h), dim=-1)",
        "softmax",
        "torch.softmax(",
        "w = torch.softmax(self.score(h), dim=1)",
    ),
    ("w = F.softmax(z, -1)", "softmax", "F.softmax(", "w = F.softmax(z, 1)"),
    ("w = z.softmax(dim=2)", "softmax", "z.softmax(", "w = z.softmax(dim=1)"),
    ("w = F.softmax(z)", "softmax", "F.softmax(", "w = F.softmax(z, dim=1)"),
    ("self.a = nn.Softmax(-1)", "Softmax", "nn.Softmax(", "self.a = nn.Softmax(1)"),
    ("self.a = nn.Softmax()", "Softmax", "nn.Softmax(", "self.a = nn.Softmax(dim=1)"),
]
REMOVED = [
    ("self.norm = nn.LayerNorm(1)", "LayerNorm", "nn.LayerNorm(", "self.norm = nn.Identity()"),
    ("net = nn.Sequential(nn.LayerNorm(d), f)", "LayerNorm", "nn.LayerNorm(", "net = nn.Sequential(nn.Identity(), f)"),
    ("h = F.layer_norm(t, (1,))", "layer_norm", "F.layer_norm(", "h = t"),
]


def of(patient, line, name, call):
    return patient(f"{HEAD}{line}\n", made={"lone_entry": name}, lone_entry=call)


@pytest.mark.parametrize(("line", "name", "call", "after"), ALONG)
def test_the_dimension_of_a_softmax_is_changed(patient, line, name, call, after):
    p = of(patient, line, name, call)
    assert p.edited(softmax_dimension, site=("lone_entry", "0"), dim=1) == f"{HEAD}{after}\n"


def test_an_equal_dimension_is_refused(patient):
    p = of(patient, "w = F.softmax(z, dim=1)", "softmax", "F.softmax(")
    assert "already has dim=1" in p.refusal(softmax_dimension, site=("lone_entry", "0"), dim=1)
    other = of(patient, "w = weights(z)", "softmax", "weights(")
    assert "only indirectly" in other.refusal(softmax_dimension, site=("lone_entry", "0"), dim=1)


@pytest.mark.parametrize(("line", "name", "call", "after"), REMOVED)
def test_a_normalisation_is_removed(patient, line, name, call, after):
    assert of(patient, line, name, call).edited(remove_normalisation, place="0") == f"{HEAD}{after}\n"


def test_a_normalisation_inside_another_function_is_refused(patient):
    assert "only indirectly" in of(patient, "n = block(1)", "LayerNorm", "block(").refusal(
        remove_normalisation, place="0"
    )


@pytest.mark.parametrize(
    ("text", "name", "call", "after"),
    [
        ("p = F.log_softmax(z, dim=0)\n", "log_softmax", "F.log_softmax(", "p = F.log_softmax(z, dim=1)\n"),
        ("p = F.log_softmax(z, 0)\n", "log_softmax", "F.log_softmax(", "p = F.log_softmax(z, 1)\n"),
        ("p = z.log_softmax(0)\n", "log_softmax", "z.log_softmax(", "p = z.log_softmax(1)\n"),
        ("m = nn.LogSoftmax()\n", "LogSoftmax", "nn.LogSoftmax(", "m = nn.LogSoftmax(dim=1)\n"),
        ("m = nn.LogSoftmax(dim=0)\n", "LogSoftmax", "nn.LogSoftmax(", "m = nn.LogSoftmax(dim=1)\n"),
    ],
)
def test_the_log_softmax_before_the_loss_is_edited(patient, text: str, name: str, call: str, after: str) -> None:
    p = patient(HEAD + text, **{name: call})
    assert p.edited(softmax_dimension, site=("activation", "output"), dim=1) == HEAD + after
