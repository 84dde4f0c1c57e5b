from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS
from torch import nn

from descend.doctor.record import Fact
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.standardise_inputs import standardise_inputs
from descend.doctor.remedies.whiten_inputs import whiten_inputs
from descend.network import whiten_inputs as reference

SCRIPT = "for e in range(3):\n    for x, y in loader:\n        model(x)\n"


def test_the_whitening_is_fitted_before_the_outermost_loop(patient):
    changes = patient(SCRIPT, model_call="model(x)").changes(whiten_inputs)
    assert changes == ["+from descend.network import whiten_inputs", "+whiten_inputs(model, loader)"]


def test_standardised_inputs_are_whitened_afterwards(patient):
    p = patient(SCRIPT, model_call="model(x)")
    text = apply_remedy(whiten_inputs, apply_remedy(standardise_inputs, p.script, p.record, {}), p.record, {}).diff()
    lines = [line for line in text.splitlines() if "_inputs(model" in line]
    assert lines == ["+standardise_inputs(model, loader)", "+whiten_inputs(model, loader)"]


def test_a_batch_of_unknown_origin_is_refused(patient):
    p = patient("def f(x):\n    model(x)\n", model_call="model(x)")
    assert "`f` receives the batch, but is called in several places or nowhere" in p.refusal(whiten_inputs)


ROWS = """
import torch
torch.manual_seed(0)
X = torch.randn(200, 4) @ torch.randn(4, 4) * torch.tensor([9.0, 1.0, 0.1, 1.0]) + 5
model = torch.nn.Sequential(torch.nn.Identity())
for i in range(0, 200, 50):
    out = model(X[i : i + 50])
"""


@pytest.mark.parametrize("shape", [(50, 4), (50, 2, 2)])
def test_the_added_function_equals_the_library_function(patient, shape):
    p = patient(ROWS, model_call="model(")
    p.record.add(Fact.of(replace(INPUTS, shape=shape, features=4), 0))
    names: dict[str, object] = {}
    edited = p.edited(whiten_inputs)
    exec(edited, names)
    assert ("from descend.network" in edited) == (len(shape) > 2)
    data, model = names["X"], names["model"]
    assert model(data) == pytest.approx(reference(nn.Sequential(nn.Identity()), data)(data), abs=0.05)
    # the eps reduces the smallest variances a little
    assert torch.cov(model(data).T) == pytest.approx(torch.eye(4), abs=0.06)
