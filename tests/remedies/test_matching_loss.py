import ast

import pytest

from descend.doctor.remedies.matching_loss import MODULES, ORDER, matching_loss

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
CASES = [  # the call, the new loss, and the edited call
    ("nn.NLLLoss()", "cross_entropy", "nn.CrossEntropyLoss()"),
    ("torch.nn.NLLLoss(w)", "cross_entropy", "torch.nn.CrossEntropyLoss(w)"),
    ("nn.NLLLoss(weight=w, ignore_index=0)", "cross_entropy", "nn.CrossEntropyLoss(weight=w, ignore_index=0)"),
    ("nn.CrossEntropyLoss(label_smoothing=0.1)", "nll_loss", "nn.NLLLoss()"),
    ("nn.CrossEntropyLoss(w, reduction='sum')", "mse_loss", "nn.MSELoss(reduction='sum')"),
    ("nn.MSELoss()", "huber_loss", "nn.HuberLoss()"),
    ("nn.MSELoss(None, None, 'sum')", "huber_loss", "nn.HuberLoss(reduction='sum')"),
    ("nn.BCELoss(w)", "binary_cross_entropy_with_logits", "nn.BCEWithLogitsLoss(w)"),
    ("nn.BCEWithLogitsLoss(pos_weight=w)", "binary_cross_entropy", "nn.BCELoss()"),
    ("nn.KLDivLoss()", "cross_entropy", "nn.CrossEntropyLoss()"),
    ("F.nll_loss(z, y)", "cross_entropy", "F.cross_entropy(z, y)"),
    ("F.nll_loss(z, y, w)", "cross_entropy", "F.cross_entropy(z, y, w)"),
    ("F.nll_loss(z, y, w)", "mse_loss", "F.mse_loss(z, y)"),
    ("F.mse_loss(z, y, reduction='sum')", "cross_entropy", "F.cross_entropy(z, y, reduction='sum')"),
    ("F.mse_loss(input=z, target=y)", "l1_loss", "F.l1_loss(input=z, target=y)"),
    ("F.smooth_l1_loss(z, y, beta=2.0)", "mse_loss", "F.mse_loss(z, y)"),
    ("nn.functional.mse_loss(\n    z,\n    y,\n)", "l1_loss", "nn.functional.l1_loss(\n    z,\n    y,\n)"),
    ("torch.nn.functional.l1_loss(z, y)", "mse_loss", "torch.nn.functional.mse_loss(z, y)"),
]


@pytest.mark.parametrize(("before", "loss", "after"), CASES)
def test_another_loss_is_called(patient, before: str, loss: str, after: str) -> None:
    kind = "loss" if before.split("(")[0].split(".")[-1].islower() else "loss_module"
    text = HEAD + f"a = {before}  # here\n"
    assert patient(text, **{kind: before}).edited(matching_loss, loss=loss) == text.replace(before, after)


IMPORTED = [  # the script, the call, and the edited script
    (
        "from torch.nn import Linear, NLLLoss\nc = NLLLoss()\n",
        "NLLLoss()",
        "from torch.nn import Linear, CrossEntropyLoss\nc = CrossEntropyLoss()\n",
    ),
    (
        "from torch.nn import NLLLoss\nc = NLLLoss()\nd = NLLLoss(reduction='sum')\n",
        "NLLLoss()",
        "from torch.nn import CrossEntropyLoss, NLLLoss\nc = CrossEntropyLoss()\nd = NLLLoss(reduction='sum')\n",
    ),
    (
        "from torch.nn import CrossEntropyLoss, NLLLoss\nc = NLLLoss()\n",
        "NLLLoss()",
        "from torch.nn import CrossEntropyLoss, NLLLoss\nc = CrossEntropyLoss()\n",
    ),
    (
        "from torch.nn import NLLLoss as L\nc = L()\n",
        "L()",
        "from torch.nn import NLLLoss as L\nimport torch\nc = torch.nn.CrossEntropyLoss()\n",
    ),
    (
        "from torch.nn.functional import nll_loss\nloss = nll_loss(z, y)\n",
        "nll_loss(",
        "from torch.nn.functional import cross_entropy\nloss = cross_entropy(z, y)\n",
    ),
    (
        "from torch.nn import functional as F\nloss_fn = F.nll_loss\nloss = loss_fn(z, y)\nprint(loss_fn(z, y))\n",
        "loss_fn(",
        "from torch.nn import functional as F\nloss_fn = F.cross_entropy\nloss = loss_fn(z, y)\nprint(loss_fn(z, y))\n",
    ),
    (
        "import torch.nn as nn\nkind = nn.NLLLoss\nc = kind()\n",
        "kind()",
        "import torch.nn as nn\nkind = nn.CrossEntropyLoss\nc = kind()\n",
    ),
    (
        "import torch\nclass T:\n    def __init__(self):\n        self.loss = torch.nn.NLLLoss()\n",
        "torch.nn.NLLLoss()",
        "import torch\nclass T:\n    def __init__(self):\n        self.loss = torch.nn.CrossEntropyLoss()\n",
    ),
]


@pytest.mark.parametrize(("before", "call", "after"), IMPORTED)
def test_it_is_called_as_the_file_calls_it(patient, before: str, call: str, after: str) -> None:
    kind, name = ("loss", "nll_loss") if "nll_loss" in before else ("loss_module", "NLLLoss")
    p = patient(before, **{kind: call}, made={kind: name})
    assert p.edited(matching_loss, loss="cross_entropy") == after


def test_the_module_comes_before_its_call(patient) -> None:
    text = HEAD + "c = nn.NLLLoss()\nloss = c(z, y)\n"
    p = patient(text, loss="c(z", loss_module="nn.NLLLoss(", made={"loss": "nll_loss"})
    assert p.edited(matching_loss, loss="cross_entropy") == text.replace("NLLLoss", "CrossEntropyLoss")


@pytest.mark.parametrize(
    ("call", "loss", "reason"),
    [
        ("F.nll_loss(z, y)", "nll_loss", "is already nll_loss"),
        ("nn.NLLLoss()", "nll_loss", "is already NLLLoss"),
        ("nn.NLLLoss(*a)", "cross_entropy", "may have another meaning"),
        ("nn.KLDivLoss(True)", "cross_entropy", "may have another meaning"),
        ("F.kl_div(z, y, True)", "cross_entropy", "may have another meaning"),
        ("nn.NLLLoss()", "hinge", "not a known loss"),
        ("criterion(z, y)", "cross_entropy", "line 4 calls `criterion`, which uses the nll_loss only indirectly"),
        ("LOSSES[name]()", "cross_entropy", "line 4 calls `LOSSES[name]`, which uses the NLLLoss only indirectly"),
    ],
)
def test_refusals_say_why(patient, call: str, loss: str, reason: str) -> None:
    kind = "loss_module" if "Loss" in call or "LOSSES" in call else "loss"
    made = {"criterion(z, y)": "nll_loss", "LOSSES[name]()": "NLLLoss"}.get(call)
    p = patient(HEAD + f"a = {call}\n", **{kind: call}, made={kind: made} if made else {})
    assert reason in p.refusal(matching_loss, loss=loss)


@pytest.mark.parametrize("name", MODULES)
def test_the_order_of_arguments_is_that_of_torch(name: str) -> None:
    import inspect

    import torch

    function = list(inspect.signature(getattr(torch.nn.functional, name)).parameters)[2:]
    module = list(inspect.signature(getattr(torch.nn, MODULES[name]).__init__).parameters)[1:]
    assert module == ORDER[name].split()
    assert function[: len(module)] == module


def test_the_edited_script_parses(patient) -> None:
    text = HEAD + "loss = (F.nll_loss(z, y)\n        + F.nll_loss(a, b))\n"
    ast.parse(patient(text, loss="F.nll_loss(a").edited(matching_loss, loss="cross_entropy"))
