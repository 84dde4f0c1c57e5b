"""Calls along another dimension or in the opposite order, if the loss is then different."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.editable_calls import editable_calls
from descend.doctor.record import facts

torch.manual_seed(0)
X, T = torch.randn(6, 4), torch.rand(6)
NET = nn.Linear(4, 6)


def seen(step) -> dict[type, list[tuple]]:
    """Return function, argument and value of each edit, by the kind of its fact."""
    training = Training(NET, [step], origin=located, interesting=ANYTHING)
    known, found = kept(editable_calls(training.snapshot())), {}
    for kind in (facts.OnInputs, facts.OnLoss):
        calls = [call for call in known.every(kind).values() if call.edit == "set"]
        if calls:
            found[kind] = [(call.function, call.keyword, call.index, call.value) for call in calls]
    return found


def test_a_reduction_along_the_other_dimension():
    assert seen(lambda: torch.logsumexp(NET(X), 0).mean()) == {facts.OnLoss: [("logsumexp", "dim", 0, 1)]}
    assert seen(lambda: NET(X).logsumexp(dim=-1).mean()) == {facts.OnLoss: [("logsumexp", "dim", -1, -2)]}
    assert seen(lambda: NET(X).mean(1).mean(0)) == {}  # the result does not depend on the order
    assert seen(lambda: NET(X).sum((0, 1))) == {}


def test_three_dimensions_give_two_other_choices():
    found = seen(lambda: NET(X).view(6, 2, 3).softmax(1).square().sum())[facts.OnLoss]
    assert sorted(found) == [("softmax", "dim", 0, 0), ("softmax", "dim", 0, 2)]


def test_an_edit_that_later_calls_reject_is_left_out():
    assert seen(lambda: (NET(X)[:, :4].logsumexp(1) - T).square().mean()) == {}


def test_the_opposite_sort_order_is_an_edit():
    def cox(**way: bool):
        risk = NET(X)[:, 0][torch.argsort(T, **way)]
        return (risk.logcumsumexp(0) - risk).mean()

    assert seen(cox)[facts.OnInputs] == [("argsort", "descending", -1, True)]
    assert seen(lambda: cox(descending=True))[facts.OnInputs] == [("argsort", "descending", -1, False)]
    assert seen(lambda: NET(X).topk(2).values.sum())[facts.OnLoss] == [("topk", "largest", -1, False)]
    assert seen(lambda: NET(X).mean() + T.sort().values.mean() * 0) == {}


@pytest.mark.parametrize("padding", ["net", "loss", "buffer"])
def test_a_mask_that_hides_what_it_should_show(padding):
    words, targets = torch.tensor([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0]]), torch.rand(2, 5)
    embedding, layer = nn.Embedding(5, 8), nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    out, lower = nn.Linear(8, 1), torch.ones(5, 5).tril().bool()

    def step():
        real = words != 0
        hidden = embedding(words)
        if padding == "net":
            hidden = layer(hidden, src_key_padding_mask=real)
        if padding == "buffer":
            scores = (hidden @ hidden.transpose(1, 2)).masked_fill(lower[:5, :5], -1e9)
            hidden = scores.softmax(-1) @ hidden
        error = (out(hidden)[..., 0] - targets) ** 2
        return error[real].mean() if padding == "loss" else error.mean()

    net = nn.ModuleList([embedding, layer, out])
    training = Training(net, [step], origin=located, interesting=ANYTHING)
    found = kept(editable_calls(training.snapshot()))
    calls = [*found.every(facts.OnInputs).values(), *found.every(facts.OnLoss).values()]
    turned = [call.function for call in calls if call.edit == "invert"]
    assert turned == ["getitem" if padding == "buffer" else "ne"]


def test_the_scripts_computation_is_unchanged():
    loss = F.softmax(NET(X), 0).square().sum()
    seen(lambda: F.softmax(NET(X), 0).square().sum())
    assert torch.equal(loss, F.softmax(NET(X), 0).square().sum())
