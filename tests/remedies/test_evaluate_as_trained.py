"""What training does to its data is done to those that are evaluated."""

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
CASES = {  # what training does, the evaluation, and how it reads then
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
def test_what_is_evaluated_is_given_as_what_is_trained_on(patient, case: str) -> None:
    *given, after = CASES[case]
    p = seen(patient, *given)
    assert p.edited(evaluate_as_trained) == p.text.replace(f"print({given[3]})", f"print({after})")


def test_what_is_alike_is_left_alone(patient) -> None:
    assert "as training does" in seen(patient, "", "net(x / 255)", "", "net(z / 255)").refusal(evaluate_as_trained)


def test_what_is_given_by_name_is_not_read(patient) -> None:
    refusal = seen(patient, "", "net(x=x / 255)", "", "net(z)").refusal(evaluate_as_trained)
    assert "does not show what it is given" in refusal


def test_where_nothing_is_known_of_the_evaluation_it_is_said(patient) -> None:
    assert "did not show where the script evaluates" in patient("net(x)\n").refusal(evaluate_as_trained)
