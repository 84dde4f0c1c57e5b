"""Features added to an update rule have the effect of torch's functions on the gradients."""

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from descend import optim
from descend.optim.folds import clipped_norm, clipped_value, trust_ratio, with_momentum
from descend.optim.rules.sgd import sgd


def folded(rule) -> type[optim.Optimizer]:
    return type("Folded", (optim.Optimizer,), {"rule": staticmethod(rule)})


def parameters() -> list[torch.Tensor]:
    return [torch.linspace(-1, 1, 50, dtype=torch.float64).requires_grad_()]


def train(optimizer, held, before=lambda held: None) -> torch.Tensor:
    for step in range(5):
        held[0].grad = torch.linspace(-3, 2, 50, dtype=torch.float64).roll(step) * 10.0**-step
        before(held)
        optimizer.step()
    return held[0].detach()


@pytest.mark.parametrize(
    ("fold", "limit", "torchs"),
    [(clipped_value, "clip_value", clip_grad_value_), (clipped_norm, "clip_norm", clip_grad_norm_)],
)
def test_folded_clipping_equals_clipping_in_torch(fold, limit, torchs):
    ours, theirs = parameters(), parameters()
    optimizer = folded(fold(sgd))(ours, lr=0.1, **{limit: 0.7})
    clipped = train(optimizer, ours)
    assert optimizer.engine == "native"
    expected = train(torch.optim.SGD(theirs, lr=0.1), theirs, lambda held: torchs(held, 0.7))
    assert torch.allclose(clipped, expected, rtol=1e-5)


def test_folded_momentum_accumulates_the_steps():
    ours, theirs = parameters(), parameters()
    moved = train(folded(with_momentum(sgd))(ours, lr=0.1, momentum=0.9), ours)
    assert torch.allclose(moved, train(torch.optim.SGD(theirs, lr=0.1, momentum=0.9), theirs))


def test_a_trust_ratio_makes_the_step_norm_lr_times_the_weight_norm():
    held = parameters()
    optimizer = folded(trust_ratio(sgd))(held, lr=0.01)
    before = held[0].detach().clone()
    held[0].grad = torch.rand(50, dtype=torch.float64) * 1e6
    optimizer.step()
    assert (held[0].detach() - before).norm() == pytest.approx(0.01 * before.norm())
