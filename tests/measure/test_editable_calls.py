"""Which calls can be edited, and which edits of them change the loss."""

import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.editable_calls import MOST, editable_calls
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y, LABELS = torch.randn(20, 4), torch.randn(20, 3), torch.randint(0, 3, (20,))
NET = nn.Linear(4, 3)
ORDER = torch.randperm(20)


def seen(step) -> dict[type, list[tuple[str, str]]]:
    """Return (function, edit) of each edit, by the kind of its fact."""
    training = Training(NET, [step], origin=located, interesting=ANYTHING)
    found = kept(editable_calls(training.snapshot()))
    assert found.facts.keys() == training.noted.keys()
    kinds = (facts.OnInputs, facts.OnLoss, facts.OfLoss)
    return {kind: [(call.function, call.edit) for call in found.every(kind).values()] for kind in kinds}


def test_a_plain_loss_has_no_edits():
    assert seen(lambda: F.cross_entropy(NET(X), LABELS)) == {facts.OnInputs: [], facts.OnLoss: [], facts.OfLoss: []}


def test_calls_on_the_data_can_be_skipped():
    found = seen(lambda: F.mse_loss(NET((X.flip(-1) * 2)[ORDER]), Y.roll(1, 0)))
    assert set(found[facts.OnInputs]) == {("flip", "skip"), ("mul", "skip"), ("getitem", "skip"), ("roll", "skip")}
    assert found[facts.OnLoss] == []
    assert seen(lambda: F.mse_loss(NET(X + 3 * torch.randn_like(X)), Y))[facts.OnInputs][0] == ("add", "skip")


def test_calls_upstream_of_inputs_and_targets_are_not_edited():
    def step() -> Tensor:
        given = (X * 2).flip(-1)
        return F.mse_loss(NET(given + 1), given[:, :3].exp())

    assert set(seen(step)[facts.OnInputs]) == {("add", "skip"), ("exp", "skip")}


def test_calls_without_effect_are_left_out():
    assert seen(lambda: F.mse_loss(NET(X.clone().view(20, 4) * 1.0), Y))[facts.OnInputs] == []


def test_whole_numbers_in_another_order_or_by_another_convention():
    found = [
        seen(lambda change=change: F.cross_entropy(NET(X), change(LABELS)))[facts.OnInputs]
        for change in (lambda t: 2 - t, lambda t: (t + 1) % 3, lambda t: t.flip(0), lambda t: t[ORDER])
    ]
    assert [edits[0][1] for edits in found] == ["skip"] * 4
    assert seen(lambda: F.cross_entropy(NET(X)[:, :1], (LABELS > 0).long() * 0))[facts.OnInputs][1:] == []


def test_terms_and_signs():
    def step() -> Tensor:
        mean = NET(X)
        return ((mean - Y) ** 2).sum() - 0.1 * torch.special.entr(mean.softmax(1)).sum() + (-mean).exp().mean()

    found = seen(step)[facts.OnLoss]
    assert found.count(("sub", "turn")) == 2 and ("add", "turn") in found and ("neg", "skip") in found
    assert ("softmax", "skip") in found and not any(edit == "exchange" for _, edit in found)


def test_arguments_whose_change_alters_the_loss():
    found = seen(lambda: F.triplet_margin_loss(NET(X), NET(X + 1), NET(2 * X)))[facts.OnLoss]
    assert found.count(("triplet_margin_loss", "exchange")) == 2
    assert ("cosine_similarity", "exchange") not in seen(lambda: F.cosine_similarity(NET(X), NET(X + 1)).sum())[
        facts.OnLoss
    ]


def test_arguments_in_the_right_order_are_not_exchanged():
    soft, target = Y.softmax(1), torch.sigmoid(Y)
    right, turned = (
        seen(lambda: F.binary_cross_entropy(NET(X).sigmoid(), target)),
        seen(lambda: F.binary_cross_entropy(target, NET(X).sigmoid())),
    )
    assert ("binary_cross_entropy", "exchange") not in right[facts.OnLoss]
    assert ("binary_cross_entropy", "exchange") in turned[facts.OnLoss]
    assert ("kl_div", "exchange") not in seen(lambda: F.kl_div(NET(X).log_softmax(1), soft, reduction="sum"))[
        facts.OnLoss
    ]


def test_calls_on_the_whole_loss():
    def step() -> Tensor:
        return (1e-3 * F.cross_entropy(NET(X) / 2, LABELS) ** 2).sum()

    def changed_in_place() -> Tensor:
        loss = F.cross_entropy(NET(X), LABELS)
        loss /= 4
        return loss

    assert seen(step)[facts.OfLoss] == [("mul", "skip"), ("pow", "skip")]
    assert seen(changed_in_place)[facts.OfLoss] == [("div", "skip")]
    assert seen(lambda: F.cross_entropy(NET(X), LABELS) * 2 + NET.weight.square().sum())[facts.OfLoss] == []


def test_a_call_in_a_loop_counts_once_and_the_number_of_edits_is_limited():
    def loops() -> Tensor:
        x = X
        for _ in range(5):
            x = x.roll(1, 0)
        return F.mse_loss(NET(x), Y)

    assert seen(loops)[facts.OnInputs] == [("roll", "skip")]
    line = "lambda: F.mse_loss(NET(X" + ".roll(1, 0).flip(0)" * 8 + "), Y)"
    assert len(seen(eval(line))[facts.OnInputs]) <= MOST
