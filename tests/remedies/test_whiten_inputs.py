from dataclasses import replace

import pytest
import torch
from told import INPUTS
from torch import nn

from descend.doctor.record import Fact
from descend.doctor.remedies.standardise_inputs import standardise_inputs
from descend.doctor.remedies.whiten_inputs import whiten_inputs
from descend.network import whiten_inputs as reference

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


ROWS = """
import torch
torch.manual_seed(0)
X = torch.randn(200, 4) @ torch.randn(4, 4) * torch.tensor([9.0, 1.0, 0.1, 1.0]) + 5
model = torch.nn.Sequential(torch.nn.Identity())
for i in range(0, 200, 50):
    out = model(X[i : i + 50])
"""


@pytest.mark.parametrize("shape", [(50, 4), (50, 2, 2)])
def test_what_is_written_does_what_the_library_does(patient, shape):
    p = patient(ROWS, model_call="model(")
    p.record.add(Fact.of(replace(INPUTS, shape=shape, features=4), 0))
    names: dict[str, object] = {}
    edited = p.edited(whiten_inputs)
    exec(edited, names)
    assert ("from descend.network" in edited) == (len(shape) > 2)
    data, model = names["X"], names["model"]
    assert model(data) == pytest.approx(reference(nn.Sequential(nn.Identity()), data)(data), abs=0.05)
    assert torch.cov(model(data).T) == pytest.approx(torch.eye(4), abs=0.06)  # the eps takes some of the smallest
