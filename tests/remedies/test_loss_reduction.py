import pytest

from descend.doctor.remedies.loss_reduction import loss_reduction

HEAD = "import torch.nn.functional as F\nfrom torch import nn\n"
LINES = [
    ("c = nn.MSELoss()", "MSELoss", "loss_module", "nn.MSELoss(", 'c = nn.MSELoss(reduction="sum")'),
    ("rec = F.mse_loss(y, x)", "mse_loss", "loss", "F.mse_loss(", 'rec = F.mse_loss(y, x, reduction="sum")'),
    (
        "rec = F.mse_loss(y, x, reduction='mean')",
        "mse_loss",
        "loss",
        "F.mse_loss(",
        'rec = F.mse_loss(y, x, reduction="sum")',
    ),
]


@pytest.mark.parametrize(("line", "name", "kind", "call", "after"), LINES)
def test_the_loss_is_summed(patient, line, name, kind, call, after):
    p = patient(f"{HEAD}{line}\n", made={kind: name}, **{kind: call})
    assert p.edited(loss_reduction, reduction="sum") == f"{HEAD}{after}\n"


def test_a_loss_inside_another_function_is_refused(patient):
    p = patient(f"{HEAD}rec = error(y, x)\n", made={"loss": "mse_loss"}, loss="error(")
    assert "only indirectly" in p.refusal(loss_reduction, reduction="sum")


LOOP = """for x in loader:
    loss = F.mse_loss(net(x), x{kind})
    loss.backward()
    total += loss.item(){length}
print(total / len({whole}))
"""


@pytest.mark.parametrize(
    ("length", "whole", "left"),
    [(" * len(x)", "rows", ""), (" * x.size(0)", "loader.dataset", ""), ("", "loader", ""), (" * 3", "rows", " * 3")],
)
def test_a_sum_is_not_multiplied_by_the_batch_again(patient, length, whole, left):
    text = LOOP.format(kind="", length=length, whole=whole)
    p = patient(text, made={"loss": "mse_loss"}, loss="F.mse_loss(", backward="loss.backward(")
    assert p.edited(loss_reduction, reduction="sum") == LOOP.format(kind=', reduction="sum"', length=left, whole=whole)
