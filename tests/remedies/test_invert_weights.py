"""The remedy that uses the reciprocal weights of the classes."""

import ast

import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.invert_weights import invert_weights


def weighted(patient, text: str, kind: str):
    """Return a patient whose run recorded the call of its loader or its loss. kind: of the recorded site."""
    p = patient(text)
    name = {"loader": "DataLoader", "class_weights": ("CrossEntropyLoss", "cross_entropy", "BCEWithLogitsLoss")}[kind]
    node = next(
        n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and ast.unparse(n.func).split(".")[-1] in name
    )
    place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
    p.record.sites.append(Site(kind, "loss" if kind == "class_weights" else "0", str(p.script.path), *place))
    return p


LOSSES = {
    "loss = nn.CrossEntropyLoss(weight=share)\n": "loss = nn.CrossEntropyLoss(weight=1 / share)\n",
    "loss = nn.CrossEntropyLoss(a + b)\n": "loss = nn.CrossEntropyLoss(1 / (a + b))\n",
    "loss = F.cross_entropy(z, y, n / n.sum())\n": "loss = F.cross_entropy(z, y, n.sum() / n)\n",
    "loss = F.cross_entropy(z, y, weight=1 / (w))\n": "loss = F.cross_entropy(z, y, weight=(w))\n",
}


@pytest.mark.parametrize("text", LOSSES)
def test_the_weights_of_a_loss_are_inverted(patient, text):
    p = weighted(patient, text, "class_weights")
    assert p.edited(invert_weights, argument="weight", place="loss") == LOSSES[text]


def test_a_quotient_in_a_tensor_is_exchanged(patient):
    p = weighted(patient, "loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([5.0]))\n", "class_weights")
    assert "pos_weight=1 / torch.tensor([5.0])" in p.edited(invert_weights, argument="pos_weight", place="loss")
    p = weighted(patient, "loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(a / (b + c)))\n", "class_weights")
    assert "pos_weight=torch.tensor((b + c) / a))" in p.edited(invert_weights, argument="pos_weight", place="loss")


LOADER = "loader = DataLoader(data, 32, sampler=drawn)\n"
SAMPLERS = {
    "drawn = WeightedRandomSampler(each, 100)\n": "drawn = WeightedRandomSampler([1 / w for w in each], 100)\n",
    "drawn = WeightedRandomSampler([3, 1], 2)\n": "drawn = WeightedRandomSampler([1 / w for w in ([3, 1])], 2)\n",
    "drawn = WeightedRandomSampler(weights=n[y] / 9, num_samples=9)\n": (
        "drawn = WeightedRandomSampler(weights=9 / n[y], num_samples=9)\n"
    ),
}


@pytest.mark.parametrize("text", SAMPLERS)
def test_the_weights_of_a_sampler_are_inverted(patient, text):
    p = weighted(patient, text + LOADER, "loader")
    assert p.edited(invert_weights, argument="sampler", place="0") == SAMPLERS[text] + LOADER


def test_weights_that_are_passed_elsewhere_are_refused(patient):
    p = weighted(patient, "loss = nn.CrossEntropyLoss(**settings)\n", "class_weights")
    assert "does not show where" in p.refusal(invert_weights, argument="weight", place="loss")
    p = weighted(patient, "drawn = my_sampler(data)\n" + LOADER, "loader")
    assert "does not show where" in p.refusal(invert_weights, argument="sampler", place="0")
