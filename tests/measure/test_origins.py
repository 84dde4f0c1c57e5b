"""Which rows of stored tensors inputs and targets come from, and targets that are shifted more than once."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.origins import origins
from descend.doctor.record import Record, facts

torch.manual_seed(0)
X, Y, W, OTHER = torch.randn(90, 5), torch.arange(90) % 3, torch.rand(90), torch.randn(40, 5)
ROWS, DRAWN = torch.randperm(90)[:12], torch.randperm(90)[12:24]
TOKENS = torch.randint(20, (8, 17))


def measured(loss: Callable[[nn.Module], Tensor], net: nn.Module | None = None) -> tuple[Record, dict]:
    net = net or nn.Linear(5, 3)
    training = Training(net, [lambda: loss(net)], origin=located, interesting=ANYTHING)
    return kept(origins(training.snapshot())), training.noted


def rows_of(loss: Callable[[nn.Module], Tensor]) -> facts.DifferentRows | None:
    return measured(loss)[0].fact(facts.DifferentRows)


def test_targets_that_are_not_reordered_are_reported():
    found = rows_of(lambda net: F.cross_entropy(net(X[ROWS]), Y[: len(ROWS)]))
    assert (found.examples, found.of, found.is_target) == (12, 90, True)
    assert found.differing == int((ROWS != torch.arange(12)).sum())
    assert (found.rows, found.others) == (tuple(ROWS[:3].tolist()), (0, 1, 2))


@pytest.mark.parametrize(
    "loss",
    [
        lambda net: F.cross_entropy(net((X[ROWS] - 1) / 2), Y[DRAWN]),
        lambda net: F.cross_entropy(net(X.index_select(0, ROWS).unsqueeze(1).flatten(1)), Y[DRAWN].long()),
        lambda net: (F.cross_entropy(net(X[ROWS]), Y[ROWS], reduction="none") * W[: len(ROWS)]).mean(),
        lambda net: F.cross_entropy(net(X[:12]), Y[DRAWN]),
        lambda net: F.cross_entropy(net(X.view(90, 5)[ROWS]), Y.view(90, 1)[DRAWN].view(-1)),
    ],
    ids=["two draws", "other calls that take rows", "weights of the first rows", "inputs of the first rows", "views"],
)
def test_rows_are_followed_through_calls(loss):
    assert rows_of(loss).differing > 6


@pytest.mark.parametrize(
    "loss",
    [
        lambda net: F.cross_entropy(net(X[ROWS]), Y[ROWS]),
        lambda net: F.cross_entropy(net(X), Y),
        # Negative examples and a second domain are drawn on purpose.
        lambda net: F.triplet_margin_loss(net(X[ROWS]), net(X[ROWS] + 0.1), net(X[DRAWN])),
        lambda net: net(X[DRAWN]).square().mean() + F.cross_entropy(net(W[ROWS, None] * X[ROWS]), Y[ROWS]),
        lambda net: F.cross_entropy(net(X[ROWS]), Y[ROWS]) + (net(X[ROWS])[:, 0] * W[DRAWN]).mean(),
        # Tensors of other lengths have no common rows.
        lambda net: F.mse_loss(net(OTHER[:12]), X[ROWS, :3]),
        lambda net: F.cross_entropy(net(X[ROWS] + X[DRAWN]), Y[ROWS]),
    ],
    ids=["pairs", "all", "negatives", "unlabelled data", "other weights", "other lengths", "mixed examples"],
)
def test_rows_that_belong_together_or_are_drawn_on_purpose_are_not_reported(loss):
    assert rows_of(loss) is None


class Language(nn.Module):
    """Predicts a token at each position."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 6), nn.Linear(6, 20)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.table(tokens))


def shift_of(targets: Tensor | Callable[[], Tensor], skip: int = 0) -> tuple[facts.TargetShift | None, dict]:
    def loss(net: nn.Module) -> Tensor:
        made = targets() if callable(targets) else targets
        return F.cross_entropy(net(TOKENS[:, :-1])[:, skip:].flatten(0, 1), made.flatten())

    record, noted = measured(loss, Language())
    return record.fact(facts.TargetShift), noted


def test_targets_that_are_shifted_twice_are_reported_with_the_call():
    found, noted = shift_of(lambda: TOKENS[:, 1:].roll(-1, 1))
    assert found == facts.TargetShift(2, 1.0) and noted["taken_rows", "shift"][1] == "roll"


def test_targets_of_the_last_positions_are_compared_with_the_last_tokens():
    assert shift_of(lambda: TOKENS[:, 9:].roll(-1, 1), skip=8)[0] == facts.TargetShift(2, 1.0)


@pytest.mark.parametrize(
    "targets",
    [
        TOKENS[:, 1:],
        TOKENS[:, :-1],
        TOKENS[:, :-1].roll(2, 1),
        torch.zeros(8, 16, dtype=torch.long),
        TOKENS.flip(1)[:, 1:],
    ],
    ids=["next token", "same token", "earlier token", "constant", "another task"],
)
def test_other_targets_are_no_second_shift(targets):
    assert shift_of(targets)[0] is None


def changed(take: Callable[[], Tensor], keep: Callable[[], object] = lambda: None) -> facts.ChangedExamples | None:
    def loss(net: nn.Module) -> Tensor:
        keep()
        rows = take()
        rows.mul_(1.01)
        return F.cross_entropy(net(rows), Y[:12])

    return measured(loss)[0].fact(facts.ChangedExamples)


def test_rows_that_are_changed_in_a_stored_tensor_are_reported():
    x, buffer = X.clone(), X.clone()
    assert changed(lambda: x[24:36]) == facts.ChangedExamples(12, 12, "")
    assert changed(lambda: x[24:36].clone()) is None
    assert changed(lambda: x[ROWS]) is None
    # A replay buffer is written to, but the rows that are taken are copies.
    assert changed(lambda: buffer[ROWS], lambda: buffer.__setitem__(3, 0.5)) is None
