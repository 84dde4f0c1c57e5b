"""The arrays whose rows are the model's inputs are whitened, with the same result as the library function."""

from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS
from torch import nn

from descend.doctor.record import Fact
from descend.doctor.remedies.whiten_data import whiten_data
from descend.network import whiten_inputs as reference

TEXT = """import numpy as np
import torch

torch.manual_seed(0)
x = torch.randn(200, 4) @ torch.randn(4, 4) * torch.tensor([9.0, 1.0, 0.1, 1.0]) + 5
{kind}
a, b = x[:150], x[150:]
model = torch.nn.Identity()
for i in range(0, 150, 50):
    model({rows})
model({rest})
"""
KINDS = {
    "torch": ("x = x.float()", "a[i : i + 50]", "b"),
    "numpy": ("x = x.numpy()\nx = np.asarray(x)", "torch.tensor(a[i : i + 50])", "torch.from_numpy(b)"),
}


def admitted(patient, kind: str, **known: object):
    of_library, rows, rest = KINDS[kind]
    p = patient(TEXT.format(kind=of_library, rows=rows, rest=rest), model="torch.nn.Identity()", model_call="model(")
    p.record.add(Fact.of(replace(INPUTS, **{"shape": (50, 4), "features": 4, **known}), 0))
    return p


@pytest.mark.parametrize("kind", KINDS)
def test_the_added_function_equals_the_library_function(patient, kind: str) -> None:
    p = admitted(patient, kind)
    assert len(p.changes(whiten_data)) == 4
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(p.script.read(p.script.path), before)
    exec(p.edited(whiten_data), after)
    model = reference(nn.Sequential(nn.Identity()), torch.as_tensor(before["a"]))
    for part in "ab":
        raw, white = torch.as_tensor(before[part]), torch.as_tensor(after[part])
        assert white.dtype == torch.float32 and white == pytest.approx(model(raw), abs=0.05)
    assert torch.cov(torch.as_tensor(after["a"]).T) == pytest.approx(torch.eye(4), abs=0.06)


@pytest.mark.parametrize("known", [{"finite": False}, {"shape": (50, 1, 2, 2)}, {"features": 1}])
def test_data_other_than_rows_of_finite_numbers_are_refused(patient, known: dict[str, object]) -> None:
    assert "rows of finite numbers" in admitted(patient, "torch", **known).refusal(whiten_data)


def test_the_library_of_the_arrays_has_to_be_known(patient) -> None:
    text = TEXT.format(kind="x = load(x)", rows="a[i]", rest="b")
    p = patient(text, model="torch.nn.Identity()", model_call="model(")
    p.record.add(Fact.of(replace(INPUTS, shape=(50, 4), features=4), 0))
    assert "whether `a` is a PyTorch or a NumPy array" in p.refusal(whiten_data)
