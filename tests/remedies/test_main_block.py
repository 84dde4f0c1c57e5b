"""If only the main block calls the training function, the fit is inside it: an import then gets the whole patch."""

import runpy

import pytest
import torch
from record_facts import INPUTS

from descend.doctor.record import Fact
from descend.doctor.remedies.standardise_inputs import standardise_inputs

TEXT = """import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)


def train(model, inputs, targets):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for epoch in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    net = {model}
    x = 900 * torch.randn(64, 3) + 500
    train(net, x, x[:, :1] / 900)
"""


@pytest.mark.parametrize("model", ["Net()", "torch.nn.Linear(3, 1)"])
def test_a_function_that_is_imported_trains_as_patched(patient, tmp_path, model: str) -> None:
    p = patient(TEXT.replace("{model}", model), model=model, model_call="model(inputs)")
    p.record.add(Fact.of(INPUTS, 0))
    assert "    train(net, x, x[:, :1] / 900)\n" in p.edited(standardise_inputs)
    (file := tmp_path / "patched.py").write_text(p.edited(standardise_inputs))
    imported, x = runpy.run_path(str(file), run_name="patched"), 900 * torch.randn(64, 3) + 500
    net = imported["Net"]() if model == "Net()" else torch.nn.Linear(3, 1)
    torch.manual_seed(0)
    assert imported["train"](net, x, x[:, :1] / 900) < 1e-3


def test_buffers_that_only_the_main_block_registers_are_not_read_in_a_forward_pass(patient) -> None:
    loop = TEXT.split("def train")[0] + 'if __name__ == "__main__":\n    x = torch.randn(64, 3)\n    model = Net()\n'
    loop += "    for epoch in range(5):\n        model(x).sum().backward()\n"
    p = patient(loop, model="Net()", model_call="model(x)")
    p.record.add(Fact.of(INPUTS, 0))
    assert "self.input_mean" not in p.edited(standardise_inputs)
