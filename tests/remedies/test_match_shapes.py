import warnings

import pytest

from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.match_shapes import match_shapes

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
LOSSES = [  # the call before and after the edit
    ("F.mse_loss(out, y)", "F.mse_loss(out, y.view_as(out))"),
    ("criterion(out, y)", "criterion(out, y.view_as(out))"),
    ("self.loss(self.out, y)", "self.loss(self.out, y.view_as(self.out))"),
    ("F.mse_loss(input=out, target=y)", "F.mse_loss(input=out, target=y.view_as(out))"),
    ("F.mse_loss(out, y, reduction='sum')", "F.mse_loss(out, y.view_as(out), reduction='sum')"),
    ("F.mse_loss(out, y[i:j])", "F.mse_loss(out, y[i:j].view_as(out))"),
    ("F.mse_loss(out, y.float())", "F.mse_loss(out, y.float().view_as(out))"),
    ("F.mse_loss(out, (y - m) / s)", "F.mse_loss(out, ((y - m) / s).view_as(out))"),
    ("F.mse_loss(torch.sigmoid(out), y)", "F.mse_loss(torch.sigmoid(out), y.view_as(out))"),
    ("F.mse_loss(out.float(), y)", "F.mse_loss(out.float(), y.view_as(out))"),
    ("F.mse_loss(net(x), y)", "F.mse_loss(net(x).view_as(y), y)"),
    ("F.mse_loss(net(x), y.to(device))", "F.mse_loss(net(x).view_as(y), y.to(device))"),
    ("F.mse_loss(\n    out,\n    y,  # as they are\n)", "F.mse_loss(\n    out,\n    y.view_as(out),  # as they are\n)"),
]


@pytest.mark.parametrize(("before", "after"), LOSSES)
def test_the_arguments_of_the_loss_get_equal_shapes(patient, before: str, after: str) -> None:
    text = HEAD + f"loss = {before}\n"
    p = patient(text, loss=before, made={"loss": "mse_loss"})
    assert p.edited(match_shapes) == text.replace(before, after)


DIFFERENCES = [  # the difference, the side of the target, and the edited difference
    ("out - y", "right", "out - y.view_as(out)"),
    ("y - out", "left", "y.view_as(out) - out"),
    ("self.y - out", "left", "self.y.view_as(out) - out"),
    ("net(x) - y", "right", "net(x).view_as(y) - y"),
    ("y - x @ w", "left", "y - (x @ w).view_as(y)"),
    ("out - y[b, 0]", "right", "out - y[b, 0].view_as(out)"),
    ("out\n        - y", "right", "out\n        - y.view_as(out)"),
    ("out - 2 * y", "right", "out - (2 * y).view_as(out)"),
    ("out * y", "right", "out * y.view_as(out)"),
    ("(1 - y) * out.pow(2)", "left", "(1 - y).view_as(out) * out.pow(2)"),
]


@pytest.mark.parametrize(("before", "operand", "after"), DIFFERENCES)
def test_the_sides_of_a_difference_get_equal_shapes(patient, before: str, operand: str, after: str) -> None:
    text = HEAD + f"def mse(out, y):\n    return (({before}) ** 2).mean()\n"
    p = patient(text, difference=before)
    assert p.edited(match_shapes, operand=operand) == text.replace(before, after)


def test_the_difference_comes_before_the_loss(patient) -> None:
    text = HEAD + "def mse(out, y):\n    return (out - y).square().mean()\nloss = mse(z, t)\n"
    p = patient(text, loss="mse(z", difference="out - y", made={"loss": "mse_loss"})
    assert p.edited(match_shapes, operand="right") == text.replace("out - y", "out - y.view_as(out)")


def test_a_difference_is_found_after_other_edits(patient) -> None:
    text = HEAD + "loss = (F.relu(net(x)) - y).square().mean() + (a - b).mean()\n"
    p = patient(text, difference="F.relu(net(x)) - y")
    script = p.script.edit(p.script.path, "import os\n" + text.replace("F.relu(net(x))", "net(x)"))
    edited = apply_remedy(match_shapes, script, p.record, {"operand": "right"})
    assert "(net(x).view_as(y) - y)" in edited.read(p.script.path)


@pytest.mark.parametrize(
    ("text", "sites", "reason"),
    [
        ("loss = f(net(x), g(y))\n", {"loss": "f("}, "neither the prediction nor the target is a variable"),
        (
            "loss = net.loss(batch)\n",
            {"loss": "net.loss("},
            "line 1 calls `net.loss`, which uses the mse_loss only indirectly",
        ),
        ("loss = out - y\n", {"loss": "x"}, "the run did not show where the loss is"),
        ("loss = f(a)\n", {"difference": ""}, "there is no difference of predictions and targets at train.py:1"),
    ],
)
def test_refusals_say_why(patient, text: str, sites: dict[str, str], reason: str) -> None:
    from dataclasses import replace

    found = {kind: call for kind, call in sites.items() if call and call in text}
    p = patient(text, **found, made={"loss": "mse_loss"})
    if "difference" in sites:
        other = patient("a - b\n", difference="a - b").record.sites[0]
        p = patient(text, loss="f(")
        p.record.sites[:] = [replace(other, file=str(p.script.path), end_column=3)]
    assert reason in p.refusal(match_shapes)


def test_classes_have_another_shape(patient) -> None:
    p = patient("loss = F.cross_entropy(z, y)\n", loss="F.cross_entropy(")
    assert "takes class indices" in p.refusal(match_shapes)


def test_the_edited_loss_pairs_each_prediction_with_its_target(patient) -> None:
    text = HEAD + "out, y = torch.arange(3.0).unsqueeze(1), torch.arange(3.0)\nloss = F.mse_loss(out, y)\n"
    names: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(patient(text, loss="F.mse_loss(").edited(match_shapes), names)
    assert names["loss"] == 0
