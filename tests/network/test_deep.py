"""The lecture's deep networks, as `descend show activations` draws them."""

import pytest
import torch

from descend.network.deep import POINTS, deep_spreads


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_outputs_that_are_drawn_are_like_all_of_them(activation):
    spreads = deep_spreads(activation, "kaiming", 4, seed=1)
    for spread in spreads:
        some = torch.tensor(spread.some)
        assert len(some) == POINTS and some.std().item() == pytest.approx(spread.std, rel=0.2)
        if activation == "relu":
            assert (some == 0).float().mean().item() == pytest.approx(spread.ends, abs=0.1)
            assert spread.ends == pytest.approx(0.5, abs=0.05)
