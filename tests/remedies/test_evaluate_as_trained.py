"""Evaluation data are preprocessed like training data."""

import pytest

from descend.doctor.record import Fact, facts
from descend.doctor.remedies.evaluate_as_trained import evaluate_as_trained

LOOP = """
for x in r:
    {}loss = f({})
    loss.backward()
with torch.no_grad():
    {}print({})
"""
CASES = {  # the training's preprocessing, the evaluation, and the edited evaluation
    "a formula": ("", "net((x[i] - m) / s)", "", "net(z)", "net((z - m) / s)"),
    "a number's place": ("", "net(1 - x)", "", "net(z[j])", "net(1 - z[j])"),
    "a method": ("", "net(x.div(s).float())", "", "net(z)", "net(z.div(s).float())"),
    "a function": ("", "net(scaler.transform(x))", "", "net(z)", "net(scaler.transform(z))"),
    "a function of a module": ("", "net(torch.log(x))", "", "net(z)", "net(torch.log(z))"),
    "another formula": ("", "net(x / 255)", "", "net(z / 16)", "net(z / 255)"),
    "a variable": ("b = x / 255\n    ", "net(b)", "", "net(z)", "net(z / 255)"),
    "two variables": ("b = x / 255\n    ", "net(b)", "c = z[0]\n    ", "net(c)", "net(z[0] / 255)"),
    "a sum": ("", "net(x / 255)", "", "net(-(z + y))", "net(z / 255)"),
    "nothing": ("", "net(x)", "", "net(z / 16)", "net(z)"),
}


def seen(patient, before: str, trained: str, before_test: str, evaluated: str):
    text = LOOP.format(before, trained, before_test, evaluated)
    p = patient(text, model_call__0=trained, evaluation__0=evaluated)
    p.record.add(Fact.of(facts.OnInputs(function="div", line=3, edit="skip", feeds=True), 0, "0"))
    p.record.add(
        Fact.of(facts.EvaluatedInputs(5.0, 58, mean=68.0, std=213.0, trained_mean=0.0, trained_std=1.0), 3, "0")
    )
    return p


@pytest.mark.parametrize("case", CASES)
def test_evaluation_data_are_preprocessed_like_training_data(patient, case: str) -> None:
    *given, after = CASES[case]
    p = seen(patient, *given)
    assert p.edited(evaluate_as_trained) == p.text.replace(f"print({given[3]})", f"print({after})")


def test_equal_preprocessing_is_not_edited(patient) -> None:
    assert "as training does" in seen(patient, "", "net(x / 255)", "", "net(z / 255)").refusal(evaluate_as_trained)


def test_a_keyword_argument_is_refused(patient) -> None:
    refusal = seen(patient, "", "net(x=x / 255)", "", "net(z)").refusal(evaluate_as_trained)
    assert "not the first positional argument" in refusal


def test_an_unrecorded_evaluation_is_refused(patient) -> None:
    assert "did not show where the script evaluates" in patient("net(x)\n").refusal(evaluate_as_trained)
