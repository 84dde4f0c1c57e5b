"""Scripts without a backward pass for an optimizer: the remedy finds the loss by its name and calls backward()."""

import json

import pytest

SCRIPT = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(400, 6)
y = (x[:, 0] * 2 + x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
head = nn.Linear(16, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
head_optimizer = torch.optim.Adam(head.parameters(), lr=0.01)


def update(rows):
    hidden = model[:2](x[rows])
    penalty = sum(p.square().sum() for p in model.parameters())
    loss = F.cross_entropy(model[2](hidden), y[rows]) + 1e-4 * penalty
    optimizer.zero_grad()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return hidden


for epoch in range(8):
    for rows in torch.randperm(300).split(30):
        hidden = update(rows)
        SECOND
    with torch.no_grad():
        print("accuracy", (model(x[300:]).argmax(1) == y[300:]).float().mean().item())
"""
# A second network trains on the first one's outputs. The loss of one does not measure the other.
HEAD = """head_loss = F.cross_entropy(head(hidden.detach()), y[rows])
        head_optimizer.zero_grad()
        head_loss.backward()
        head_optimizer.step()"""
MIRRORED = "x[rows].flip(1)"  # a second mistake, which only the evaluation shows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("second", "inputs", "remedies"),
    [
        ("pass", "x[rows]", ["call_backward"]),
        pytest.param(HEAD, "x[rows]", ["call_backward"], marks=pytest.mark.thorough),
        pytest.param("pass", MIRRORED, ["call_backward", "skip_call"], marks=pytest.mark.thorough),
    ],
    ids=["one network", "two networks", "two mistakes"],
)
def test_backward_is_called_on_the_loss(descend_here, tmp_path, second, inputs, remedies):
    text = SCRIPT.replace("SECOND", second).replace("x[rows]", inputs)
    text = text if second != "pass" else text.replace("head_optimizer = ", "# ")
    (tmp_path / "train.py").write_text(text)
    case = json.loads(descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path).stdout)
    finding = case["findings"][0]
    line = text[: text.index("optimizer.step()")].count("\n") + 1
    assert (finding["symptom"], finding["where"]["line"]) == ("no_step", line), case["findings"]
    assert "`loss` is computed, but its gradient is not" in finding["sentence"]
    [proved] = [trial for trial in case["trials"] if trial["patch"] == "fix"]
    assert proved["verdict"] == "proved" and proved["remedies"] == remedies
    assert "+    loss.backward()\n     nn.utils.clip_grad_norm_" in case["patch"]
