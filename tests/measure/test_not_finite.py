import pytest
import torch
from moments import Step, Training, kept
from torch import nn

from descend.doctor.measure.not_finite import not_finite
from descend.doctor.record import facts

torch.manual_seed(0)
X, T = torch.randn(20, 4), torch.rand(20, 1)
NET, BAD = nn.Linear(4, 1), X * torch.nan


def seen(loss: Step, **changes) -> facts.NotFinite | None:
    return kept(not_finite(Training(NET, [loss]).snapshot(**changes))).fact(facts.NotFinite)


@pytest.mark.parametrize(
    ("step", "function", "is_partial"),
    [
        (lambda: (torch.log(NET(X) - 5) - T).square().mean(), "log", True),
        (lambda: ((NET(X) - 9).sqrt() - T).square().mean(), "sqrt", True),
        (lambda: ((NET(X) + 500).exp() - T).square().mean(), "exp", False),
    ],
)
def test_the_first_call_with_a_nonfinite_result_is_reported(step, function, is_partial) -> None:
    made = seen(step)
    assert (made.function, made.is_partial) == (function, is_partial)
    assert made.min < 0 or function == "exp"


MASK = torch.tensor([[True, True, True], [False, True, False]])


def attending(mask: torch.Tensor) -> torch.Tensor:
    scores = NET(X)[:6].reshape(2, 3).masked_fill(mask, -torch.inf)
    return (scores.softmax(-1) - 0.5).square().mean()


def test_rows_that_are_masked_throughout() -> None:
    made = seen(lambda: attending(MASK))
    assert (made.function, made.is_masked, made.is_partial) == ("softmax", True, False)
    assert seen(lambda: attending(MASK[1:])) is None


def test_a_mask_is_not_reported_for_an_infinite_loss_of_another_cause() -> None:
    def step() -> torch.Tensor:
        return attending(MASK[1:]) + ((NET(X) - NET(X)).log() - T).square().mean()

    made = seen(step)
    assert (made.function, made.is_masked) == ("log", False)


def test_a_finite_loss_bad_data_and_later_steps() -> None:
    assert seen(lambda: (NET(X) - T).square().mean()) is None
    assert seen(lambda: (NET(BAD) - T).square().mean()) is None
    assert seen(lambda: (torch.log(NET(X) - 5) - T).square().mean(), step=3) is None
