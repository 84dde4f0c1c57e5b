import pytest
import torch
from moments import Training, kept
from torch import nn

from descend.doctor.measure.masked_nonfinite import masked_nonfinite
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(20, 4), torch.randn(20, 2)
GAPS = Y.clone()
GAPS[:5, 0] = float("nan")
NET = nn.Linear(4, 2)


def masked_late() -> torch.Tensor:
    errors = (NET(X) - GAPS) ** 2
    return torch.where(GAPS.isnan(), torch.zeros_like(errors), errors).mean()


def masked_first() -> torch.Tensor:
    known = ~GAPS.isnan()
    return ((NET(X)[known] - GAPS[known]) ** 2).mean()


def seen(step, at: int = 0) -> facts.BadData | None:
    training = Training(NET, [step], step=at)
    NET.zero_grad()
    step().backward()
    snapshot = training.snapshot(gradients=tuple(p.grad.clone() for p in NET.parameters()))
    return kept(masked_nonfinite(snapshot)).fact(facts.BadData)


def test_missing_targets_that_are_masked_after_the_error() -> None:
    assert seen(masked_late) == facts.BadData("data", values=5, nan=5, examples=5, of=20, left_out=True)


@pytest.mark.parametrize("step", [masked_first, lambda: nn.functional.mse_loss(NET(X), Y)])
def test_nothing_is_reported_for_a_finite_gradient(step) -> None:
    assert seen(step) is None


def test_no_fact_for_a_non_finite_loss_or_a_later_step() -> None:
    assert seen(lambda: nn.functional.mse_loss(NET(X), GAPS)) is None
    assert seen(masked_late, at=3) is None
