"""With `differentiable=True`, autograd differentiates through the steps of an optimizer."""

import pytest
import torch
from rules import RULES, STEPS_WITHOUT_CURVATURE, make, tensors

pytestmark = STEPS_WITHOUT_CURVATURE
# Muon rounds to bfloat16, and YellowFin's measurements of the gradients are constants.
NOT_DIFFERENTIATED = {"Muon", "YellowFin"}


@pytest.mark.parametrize("name", [name for name in RULES if name not in NOT_DIFFERENTIATED])
def test_the_weights_after_three_steps_are_differentiated_by_the_initial_weights(name):
    def train_from(start):
        weight = start.clone()
        optimizer = make(name, [weight], differentiable=True)
        for target in tensors(*[(3, 2)] * 4, dtype=torch.float64)[1:]:
            weight.grad = (weight.clone() - target.detach()) ** 3  # a copy, because the step changes `weight` in place
            optimizer.step()
        return weight.clone()

    assert torch.autograd.gradcheck(train_from, tensors((3, 2), dtype=torch.float64))


def test_the_state_of_16_bits_keeps_its_dtype():
    weight = tensors((4,), dtype=torch.bfloat16)[0].clone()
    optimizer = make("Adam", [weight], differentiable=True)
    for _ in range(2):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert {optimizer.state[weight][name].dtype for name in ("exp_avg", "exp_avg_sq")} == {torch.bfloat16}
