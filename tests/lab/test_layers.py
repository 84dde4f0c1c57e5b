"""`descend lab layers`: the norms of a script's weights and gradients are those that torch computes."""

import json

import pytest
import torch
from torch import nn

from descend.doctor.record import Ending, Fact, Record, facts
from descend.lab.pages.layer_figures import layer_figures, layer_remarks

SCRIPT = """
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(64, 6)
y = x.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(45):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_the_norms_are_those_of_torch(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    page = tmp_path / "layers.html"
    done = descend_here(
        "lab", "layers", "--at", "first", "--format", "json", "--out", str(page), "train.py", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    [found] = [fact["detail"] for fact in json.loads(done.stdout)["facts"]]
    torch.manual_seed(0)
    x = torch.randn(64, 6)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    nn.functional.mse_loss(model(x), x.sum(1, keepdim=True)).backward()
    assert [layer["name"] for layer in found["layers"]] == [name for name, _ in model.named_parameters()]
    for layer, parameter in zip(found["layers"], model.parameters()):
        assert layer["weight"] == pytest.approx(parameter.norm().item(), rel=1e-5)
        assert layer["gradient"] == pytest.approx(parameter.grad.norm().item(), rel=1e-4)
    assert found["examples"] == 64 and found["kept_bytes"] > 0
    assert "enough for a batch of about" in done.stderr and "lr" in found["optimizer"]
    assert "step of SGD" in page.read_text()


def record_of(*layers: facts.ParameterNorms, free: float | None = 2.0**30) -> Record:
    record = Record("train.py")
    norms = facts.LayerNorms(layers, 32, 2**20, free, {"lr": 0.1})
    for message in (Fact.of(norms, 0, "first"), Ending("finished", 0, 1)):
        record.add(message)
    return record


def test_the_ratio_and_the_step_follow_from_the_norms():
    record = record_of(facts.ParameterNorms("a", (3, 4), 2.0, 0.5), facts.ParameterNorms("b", (4, 1), 1.0, 2.0))
    table, figure = layer_figures(record)
    assert [row[4:] for row in table.rows] == [("4", "0.025"), ("0.5", "0.2")]
    assert "differ by a factor of 8" in table.caption
    assert list(figure.panels[0].traces[0]["y"]) == [4.0, 0.5]


def test_a_layer_without_a_gradient_has_no_ratio():
    table, _ = layer_figures(record_of(facts.ParameterNorms("a", (3, 4), 2.0, 0.0)))
    assert table.rows[0][3:] == ("0", "", "")


def test_the_largest_batch_is_that_of_the_free_memory():
    layer = facts.ParameterNorms("a", (3, 4), 2.0, 0.5)
    [remark] = layer_remarks(record_of(layer))
    assert "a batch of about 32 768 examples" in remark.replace("\u202f", " ").replace("\xa0", " ")
    assert layer_remarks(record_of(layer, free=None)) == []
