"""A helper function that a patch needs is added to the user's file once, in plain torch."""

from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS
from torch import nn

from descend.doctor.codemod.helper_function import add_function
from descend.doctor.record import Fact, Note
from descend.doctor.remedies import REMEDIES, NotApplicable
from descend.network import standardise_inputs as reference

CODE = "def f(x):\n    return torch.relu(x)\n"
FILES = {
    "below the imports": ("import torch\nx = 1\n", f"import torch\n\n\n{CODE}\n\nx = 1\n"),
    "with an import of its own": ("import os\n\nx = 1\n", f"import os\nimport torch\n\n\n{CODE}\n\nx = 1\n"),
    "above comments": ("import torch\n\n# one\nx = 1\n", f"import torch\n\n\n{CODE}\n\n# one\nx = 1\n"),
    "above a function": ("import torch\n\n\ndef g(): pass\n", f"import torch\n\n\n{CODE}\n\ndef g(): pass\n"),
    "with other line ends": (
        "import torch\r\nx = 1\r\n",
        f"import torch\n\n\n{CODE}\n\nx = 1\n".replace("\n", "\r\n"),
    ),
    "below a text": ('"""A."""\nimport torch\n', f'"""A."""\nimport torch\n\n\n{CODE}'),
}


@pytest.mark.parametrize("case", FILES)
def test_functions_are_added_after_the_imports(tmp_path, case):
    before, after = FILES[case]
    assert add_function(tmp_path / "train.py", before, CODE) == after
    assert add_function(tmp_path / "train.py", after, CODE) == after


def test_a_function_of_the_same_name_is_not_replaced(tmp_path):
    with pytest.raises(NotApplicable, match="already uses the name `f`"):
        add_function(tmp_path / "train.py", "import torch\nf = 1\n", CODE)


ROWS = """
import torch
torch.manual_seed(0)
X = {data}
{more}
model = torch.nn.Sequential(*{layers})
for epoch in range(2):
    for i in range(0, len(X), 8):
        x = {batch}
        out = model(x)
"""
LOADED = """
import torch
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X = {data}
loader = DataLoader(TensorDataset(X, torch.zeros(len(X))), batch_size=7, shuffle=True)
model = torch.nn.Sequential(*{layers})
seen = []
for epoch in range(2):
    for x, y in loader:
        seen.append(x)
        out = model(x)
"""
FEATURES = "torch.randn(40, 3) * torch.tensor([1.0, 50.0, 1e-3]) + torch.tensor([5.0, 0.0, 1.0])"
CHANNELS = "torch.rand(40, 2, 5, 5) * torch.tensor([9.0, 1.0])[:, None, None]"
DATA = {
    "rows": (ROWS, FEATURES, "X[i:i + 8]", [8, 3], "linear", 0),
    "an array": (ROWS, f"({FEATURES}).numpy()", "torch.from_numpy(X[i:i + 8]).float()", [8, 3], "linear", 0),
    "a feature that never changes": (ROWS, f"({FEATURES}) * torch.tensor([1, 0, 1])", "X[i:i + 8]", [8, 3], "", 1),
    "images in a row": (ROWS, "torch.rand(40, 2, 3) * 9", "X[i:i + 8].flatten(1)", [8, 6], "linear", 0),
    "channels": (ROWS, CHANNELS, "X[i:i + 8]", [8, 2, 5, 5], "conv2d", 0),
    "sequences": (ROWS, "torch.rand(40, 4, 3) * torch.tensor([9.0, 1.0, 5.0])", "X[i:i + 8]", [8, 4, 3], "linear", 0),
    "a loader": (LOADED, FEATURES, "", [7, 3], "linear", 0),
}  # fmt: skip


def fed(patient, case: str, **more):
    text, data, batch, shape, first, constant = DATA[case]
    layers = "[torch.nn.Conv2d(2, 2, 3)]" if first == "conv2d" else f"[torch.nn.Linear({shape[-1]}, 2)]"
    p = patient(text.format(data=data, batch=batch, layers=layers, more=more.pop("line", "")), model_call="model(x)")
    features = shape[1] if first == "conv2d" else shape[-1]
    told = {"shape": tuple(shape), "features": features, "first_layer": first, "constant_features": constant}
    p.record.add(Fact.of(replace(INPUTS, **told | more), 0))
    return p


@pytest.mark.parametrize("case", DATA)
def test_the_added_function_equals_the_library_function(patient, case):
    names: dict[str, object] = {}
    edited = fed(patient, case).edited(REMEDIES["standardise_inputs"])
    assert "descend" not in edited
    exec(edited, names)
    model, data = names["model"], torch.as_tensor(names["X"]).float()
    given = data.flatten(1) if case == "images in a row" else data
    expected = reference(nn.Sequential(nn.Identity()), given)(given)
    seen = nn.Sequential(nn.Identity())
    for name, buffer in model.named_buffers():
        seen.register_buffer(name, buffer)
    seen.register_forward_pre_hook(names["standardised"])
    assert seen(given) == pytest.approx(expected, abs=0.05)  # population variance, not sample variance
    assert ("== 0] = 1" in edited) == (case == "a feature that never changes")


def test_nan_values_are_ignored_and_replaced_by_the_mean(patient):
    data = f"({FEATURES}).index_put((torch.tensor([3, 9]), torch.tensor([1, 2])), torch.tensor([torch.nan, torch.inf]))"
    names: dict[str, object] = {}
    p = fed(patient, "rows", finite=False)
    edited = p.edited(REMEDIES["standardise_inputs"]).replace(f"X = {FEATURES}", f"X = {data}")
    assert "descend" not in edited and "isfinite" in edited
    exec(edited, names)
    inputs = names["X"]
    assert not inputs.isfinite().all()
    seen = names["standardised"](names["model"], (inputs,))
    assert seen[3, 1] == seen[9, 2] == 0
    assert seen.mean(0) == pytest.approx(torch.zeros(3), abs=1e-4)
    known = seen[torch.isfinite(inputs).all(1)]
    assert known.std(0) == pytest.approx(torch.ones(3), abs=0.1)


def test_the_order_of_batches_does_not_change(patient):
    p, before, after = fed(patient, "a loader"), {}, {}
    exec(p.text, before)
    exec(p.edited(REMEDIES["standardise_inputs"]), after)
    assert all(a.equal(b) for a, b in zip(before["seen"], after["seen"], strict=True))


def test_a_saved_model_keeps_the_buffers(patient, tmp_path):
    names: dict[str, object] = {}
    exec(fed(patient, "rows").edited(REMEDIES["standardise_inputs"]), names)
    assert {"input_mean", "input_std"} < names["model"].state_dict().keys()


UNSEEN = {
    "a volume": {"shape": (8, 1, 2, 3, 4)},
    "a compiled function": {"line": "f = torch.compile(len)"},
}


@pytest.mark.parametrize("case", UNSEEN)
def test_other_cases_import_the_library_function(patient, case):
    p = fed(patient, "rows", **UNSEEN[case])
    assert "from descend.network import standardise_inputs" in p.edited(REMEDIES["standardise_inputs"])


def test_distributed_training_imports_the_library_function(patient):
    p = fed(patient, "rows")
    p.record.add(Note("torchrun", "several"))
    assert "from descend.network import standardise_inputs" in p.edited(REMEDIES["standardise_inputs"])
