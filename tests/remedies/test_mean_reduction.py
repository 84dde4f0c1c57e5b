import pytest

from descend.doctor.remedies.mean_reduction import mean_reduction

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
EDITS = [  # the site, before, after
    ("loss_module", 'c = nn.MSELoss(reduction="sum")', 'c = nn.MSELoss(reduction="mean")'),
    ("loss_module", "c = nn.MSELoss(reduction='sum')", "c = nn.MSELoss(reduction='mean')"),
    ("loss_module", "c = nn.MSELoss(reduction=kind)", 'c = nn.MSELoss(reduction="mean")'),
    ("loss_module", "c = nn.MSELoss(size_average=False)", 'c = nn.MSELoss(reduction="mean")'),
    (
        "loss_module",
        "c = nn.CrossEntropyLoss(w, size_average=False, reduce=True)",
        'c = nn.CrossEntropyLoss(w, reduction="mean")',
    ),
    ("loss", 'l = F.mse_loss(net(x), y, reduction="sum")', 'l = F.mse_loss(net(x), y, reduction="mean")'),
    ("loss", "l = F.mse_loss(net(x), y, size_average=False)", 'l = F.mse_loss(net(x), y, reduction="mean")'),
    ("reduction", "l = ((net(x) - y) ** 2).sum()", "l = ((net(x) - y) ** 2).mean()"),
    ("reduction", "l = torch.sum((net(x) - y) ** 2)", "l = torch.mean((net(x) - y) ** 2)"),
    ("reduction", "l = c(net(x), y).sum(dim=0)", "l = c(net(x), y).mean(dim=0)"),
    ("loss", "l = ((net(x) - y) ** 2).sum()", "l = ((net(x) - y) ** 2).mean()"),
]


@pytest.mark.parametrize(("site", "before", "after"), EDITS)
def test_a_sum_becomes_a_mean(patient, site: str, before: str, after: str) -> None:
    p = patient(HEAD + before + "\n", **{site: before[4:]})
    assert p.edited(mean_reduction) == HEAD + after + "\n"


def test_the_first_place_that_sums(patient) -> None:
    text = HEAD + "c = nn.MSELoss(reduction='none')\nl = c(net(x), y)\nl.sum().backward()\n"
    p = patient(text, loss_module="nn.MSELoss(", loss="c(net", reduction="l.sum(")
    assert p.edited(mean_reduction) == text.replace(".sum()", ".mean()")


@pytest.mark.parametrize(
    ("site", "code", "reason"),
    [
        ("loss_module", "c = nn.MSELoss()", "no sum over the examples was found in line 4"),
        ("loss_module", 'c = nn.MSELoss(reduction="mean")', "no sum over the examples was found in line 4"),
        ("loss_module", "c = nn.MSELoss(size_average=True)", "no sum over the examples"),
        ("reduction", "l = e.sum() / len(x)", "line 4 already divides the sum"),
        ("reduction", "l = sum(e)", "line 4 sums with a function that is not a tensor method"),
    ],
)
def test_refusals_say_why(patient, site: str, code: str, reason: str) -> None:
    p = patient(HEAD + code + "\n", **{site: code[4:].split(" /")[0]})
    assert reason in p.refusal(mean_reduction)


def test_an_unrecorded_loss_is_refused(patient) -> None:
    assert patient("x = 1\n").refusal(mean_reduction) == "the run did not show where the loss is in the source"


LOOP = """for i, (a, b) in zip(count(), batches):
    loss = F.mse_loss(net(a), b{kind})
    loss.backward()
    total += {added}
print(total / {number})
"""


@pytest.mark.parametrize(
    ("added", "number", "becomes"),
    [
        ("loss.item()", "len(x)", "loss.item() * len(b)"),
        ("float(loss)", "len(data.dataset)", "float(loss) * len(b)"),
        ("loss.item()", "len(batches)", "loss.item()"),  # the sum over the batches is now a mean
        ("loss.item()", "9", "loss.item()"),
        ("1", "len(x)", "1"),
    ],
)
def test_a_printed_total_divided_by_the_examples_keeps_its_value(patient, added, number, becomes) -> None:
    text = LOOP.format(kind=", reduction='sum'", added=added, number=number)
    p = patient(text, loss="F.mse_loss(", backward="loss.backward(")
    assert p.edited(mean_reduction) == LOOP.format(kind=", reduction='mean'", added=becomes, number=number)
