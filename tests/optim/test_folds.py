"""Features added to an update rule have the effect of torch's functions on the gradients."""

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from descend import optim
from descend.optim.folds import clipped_norm, clipped_value, layer_rate, trust_ratio, with_momentum
from descend.optim.rules.adam import adam
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


def test_layer_rates_of_a_rule_that_divides_by_eps_share_its_eps():
    held = [torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)]
    optimizer = folded(layer_rate(adam))(
        held, lr=0.1, beta1=0.9, beta2=0.999, eps=0.0, bias_correction=True, trust=0.01, weight_decay=0.0
    )
    held[0].grad = torch.tensor([2.0, -1.0], dtype=torch.float64)
    optimizer.step()
    assert torch.allclose(held[0].detach(), torch.tensor([2.9, 4.1], dtype=torch.float64))  # Adam's first step is ±lr


def test_the_same_feature_cannot_be_added_twice():
    with pytest.raises(ValueError, match="the rule sgd already has 'momentum'"):
        with_momentum(with_momentum(sgd))


@pytest.mark.parametrize("parent", [optim.Adam, optim.SGD, optim.LAMB, optim.AddSign])
def test_the_rule_of_a_subclass_replaces_that_of_its_parent(parent):
    held = parameters()
    norm = held[0].norm().item()
    optimizer = type("Scaled", (parent,), {"rule": staticmethod(trust_ratio(sgd))})(held, lr=0.1)
    before = held[0].detach().clone()
    held[0].grad = torch.linspace(-3, 2, 50, dtype=torch.float64)
    optimizer.step()
    assert (held[0] - before).norm().item() == pytest.approx(0.1 * norm)
