"""Small and large batches, trained to the same loss: their loss on the half of the data that was held out."""

import pytest
import torch

from descend.landscape import Loss
from descend.landscape.sharp_and_wide import sharp_and_wide

RATE = 0.05


def parabola(centre: float):
    return lambda theta: (theta[0] - centre).square().sum() / 2


def rule(theta: list[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(theta, lr=RATE)


def test_equal_batches_need_as_many_steps_as_all_batches_at_once() -> None:
    start = [torch.full((3,), 2.0, dtype=torch.float64)]
    found = sharp_and_wide(Loss((parabola(0.0),) * 8), start, rule, passes=100)
    assert [halves.fitted_to for halves in found] == [(0, 2, 4, 6), (1, 3, 5, 7)]
    for halves in found:
        # Each step multiplies the loss of both halves by (1 - rate)².
        for fit in (halves.small, halves.large):
            assert fit.cost == fit.held_out == pytest.approx(6.0 * (1 - RATE) ** (2 * fit.steps))
        assert halves.small.steps % 4 == 0 and 0 <= halves.large.steps - halves.small.steps <= 1
        assert halves.small.cost < 0.1 * 6.0


def test_if_the_halves_differ_the_held_out_loss_is_larger() -> None:
    loss = Loss((parabola(1.0), parabola(-1.0)) * 2)
    for halves, centre in zip(sharp_and_wide(loss, [torch.zeros(1)], rule, passes=200), (1.0, -1.0)):
        for fit in (halves.small, halves.large):
            assert fit.theta[0].item() * centre > 0.5
            assert fit.cost < 0.05 + 1e-6 and fit.held_out == pytest.approx((fit.theta[0].item() + centre) ** 2 / 2)


def test_the_slower_fit_determines_the_final_loss() -> None:
    # A pass has eight small steps, but one large step, so three passes are too few with all batches at once.
    found = sharp_and_wide(Loss((parabola(0.0),) * 16), [torch.ones(1)], rule, passes=3)
    for halves in found:
        assert halves.large.steps == 3 and halves.small.steps == 8
        assert halves.large.cost == pytest.approx(0.5 * (1 - RATE) ** 6)


def test_four_batches_are_required() -> None:
    with pytest.raises(ValueError, match="at least 4 batches are needed, so that some can be held out, not 3"):
        sharp_and_wide(Loss((parabola(0.0),) * 3), [torch.ones(1)], rule, passes=3)
