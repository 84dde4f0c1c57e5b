"""The values that predictions are compared with are found in training and evaluation, and no others."""

from pathlib import Path

import pytest

from descend.doctor.codemod.comparison_targets import operands_compared_with_predictions
from descend.doctor.codemod.locate import syntax_at
from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script

BY_HAND = """import torch
w = torch.zeros(4, requires_grad=True)
b = torch.zeros(1).requires_grad_()


def predict(x, w):
    return x @ w


loss = criterion(predict(x, w) + b, y)
loss.backward()
scores = predict(x_test, w)
print("test auc", auc(labels, scores), len(x_test))
accuracy = (torch.sigmoid(scores) > half) == right
error = (truth - scores).abs().mean()
"""
BY_MODEL = """import torch
net = torch.nn.Linear(4, 1)


def evaluate(model, x, y):
    with torch.no_grad():
        guess = model(x).argmax(1)
    return guess.eq(y).float().mean()


loss = criterion(net(x), y)
loss.backward()
print("test accuracy", evaluate(net, x_test, y_test))
"""


def compared(tmp_path: Path, text: str, *sites: tuple[str, str]) -> list[str]:
    path = tmp_path / "train.py"
    path.write_text(text)
    record = Record()
    for kind, code in (("backward", "loss.backward()"), *sites):
        line = next(i for i, each in enumerate(text.splitlines(), 1) if code in each)
        column = text.splitlines()[line - 1].index(code)
        variable = "net" if kind == "model" else ""
        record.add(Site(kind, "", str(path), line, column, line, column + len(code), variable))
    script, backward = Script(path, tmp_path), record.site("backward")
    assert backward is not None
    syntax = syntax_at(script, backward)
    return [syntax.code(each) for each in operands_compared_with_predictions(script, record, syntax)]


def test_predictions_of_handmade_parameters_are_recognised(tmp_path: Path) -> None:
    assert compared(tmp_path, BY_HAND) == ["y", "labels", "right", "half", "truth"]


def test_predictions_are_recognised_by_any_name_of_the_model(tmp_path: Path) -> None:
    sites = ("model", "torch.nn.Linear(4, 1)"), ("model_call", "net(x)")
    assert compared(tmp_path, BY_MODEL, *sites) == ["1", "y", "y"]


@pytest.mark.parametrize("text", [BY_MODEL, "loss = step()\nloss.backward()\n"])
def test_without_a_known_model_no_target_is_found(tmp_path: Path, text: str) -> None:
    assert compared(tmp_path, text) == []
