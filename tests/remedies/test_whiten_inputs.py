from descend.remedies.standardise_inputs import standardise_inputs
from descend.remedies.whiten_inputs import whiten_inputs

SCRIPT = "for e in range(3):\n    for x, y in loader:\n        model(x)\n"


def test_it_is_fitted_before_the_outermost_loop(patient):
    changes = patient(SCRIPT, model_call="model(x)").changes(whiten_inputs)
    assert changes == ["+from descend.network import whiten_inputs", "+whiten_inputs(model, loader)"]


def test_what_is_standardised_first_is_whitened_next(patient):
    p = patient(SCRIPT, model_call="model(x)")
    text = whiten_inputs(standardise_inputs(p.script, p.record, {}), p.record, {}).diff()
    lines = [line for line in text.splitlines() if "_inputs(model" in line]
    assert lines == ["+standardise_inputs(model, loader)", "+whiten_inputs(model, loader)"]


def test_a_batch_of_nowhere(patient):
    p = patient("def f(x):\n    model(x)\n", model_call="model(x)")
    assert "comes into `f` from several places or none" in p.refusal(whiten_inputs)
