import pytest

from descend.doctor.remedies.initialise_in_place import initialise_in_place

HEAD = "import torch\nfrom torch import nn\n"
WHERE = {  # the initialisation, and its edited version for rectifiers
    "a weight and a bias": (
        "nn.init.normal_(layer.weight)\nnn.init.constant_(layer.bias, 3)",
        'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\nnn.init.zeros_(layer.bias)',
    ),
    "methods of data": (
        "self.a.weight.data.normal_(0, 4)  # so\nself.a.bias.data.fill_(-6)",
        'nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")  # so\nnn.init.zeros_(self.a.bias)',
    ),
    "a recurrent layer": (
        "nn.init.normal_(self.rnn.weight_hh_l0, std=0.4)\nnn.init.normal_(rnn.weight_ih_l1)\n"
        "nn.init.ones_(rnn.bias_hh_l0)",
        'nn.init.orthogonal_(self.rnn.weight_hh_l0)\nnn.init.kaiming_normal_(rnn.weight_ih_l1, nonlinearity="relu")\n'
        "nn.init.zeros_(rnn.bias_hh_l0)",
    ),
    "all of a network": ("for p in net.parameters():\n    nn.init.zeros_(p)\nb()", "b()"),
    "all by their names": (
        "for n, p in net.named_parameters():\n    if 'weight' in n:\n        nn.init.normal_(p)\n"
        "    else:\n        p.data.zero_()",
        "for n, p in net.named_parameters():\n    if 'weight' in n:\n"
        '        nn.init.kaiming_normal_(p, nonlinearity="relu")\n    else:\n        nn.init.zeros_(p)',
    ),
    "all by their dimensions": (
        "for p in net.parameters():\n    if p.dim() > 1:\n        nn.init.constant_(p, 0.1)",
        'for p in net.parameters():\n    if p.dim() > 1:\n        nn.init.kaiming_normal_(p, nonlinearity="relu")',
    ),
}


@pytest.mark.parametrize("case", WHERE)
def test_the_initialisation_is_rewritten_in_place(patient, case: str) -> None:
    before, after = WHERE[case]
    assert patient(HEAD + before + "\n").edited(initialise_in_place, activation="relu") == HEAD + after + "\n"


@pytest.mark.parametrize(
    ("activation", "call"),
    [
        ("tanh", "xavier_uniform_(m.weight)"),
        ("sigmoid", "xavier_uniform_(m.weight)"),
        ("gelu", 'kaiming_normal_(m.weight, nonlinearity="relu")'),
        ("leaky_relu", 'kaiming_normal_(m.weight, nonlinearity="leaky_relu")'),
    ],
)
def test_each_activation_has_its_variance(patient, activation: str, call: str) -> None:
    edited = patient("import torch\ntorch.nn.init.normal_(m.weight)\n").edited(
        initialise_in_place, activation=activation
    )
    assert edited == f"import torch\ntorch.nn.init.{call}\n"


@pytest.mark.parametrize(
    "text",
    [
        "m = nn.Linear(2, 2)",
        "nn.init.normal_(self.embedding.weight)",
        "x.grad.zero_()",
        "w = torch.empty(2).normal_()",
        "for p in net.parameters():\n    p.grad.zero_()\n    log(p)",
        'nn.init.kaiming_normal_(m.weight, nonlinearity="relu")',
    ],
)
def test_a_script_without_own_initialisation_is_refused(patient, text: str) -> None:
    assert "does not initialise weights" in patient(HEAD + text + "\n").refusal(initialise_in_place, activation="relu")
