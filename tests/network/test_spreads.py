"""How far the outputs of the lecture's deep networks spread, as `descend show activations` draws them."""

import pytest
import torch
from torch import nn

from descend.network.deep import deep_network
from descend.network.spreads import AS_IT_IS, POINTS, normal_inputs, spreads_by_scheme


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_outputs_that_are_drawn_are_like_all_of_them(activation):
    network = deep_network(activation, 4)
    found = spreads_by_scheme(network, normal_inputs(network, 2000, [800], seed=1), ["kaiming"], seed=1)
    for spread in found["kaiming"]:
        some = torch.tensor(spread.some)
        assert len(some) == POINTS and some.std().item() == pytest.approx(spread.std, rel=0.2)
        if activation == "relu":
            assert (some == 0).float().mean().item() == pytest.approx(spread.ends, abs=0.1)
            assert spread.ends == pytest.approx(0.5, abs=0.05)


def test_the_inputs_are_no_weights():
    network = nn.Sequential(nn.Linear(800, 2000))
    inputs = normal_inputs(network, 2000, [800], seed=0)
    [spread] = spreads_by_scheme(network, inputs, ["normal 1"], seed=0)["normal 1"]
    assert not torch.allclose(network[0].weight, inputs)
    assert spread.std == pytest.approx(800**0.5, rel=0.01)  # independent: one unit's variance is that of 800 products


def test_the_weights_that_a_model_came_with_are_shown_before_they_are_drawn_anew():
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Sigmoid(), nn.Linear(8, 4, bias=False)).half()
    nn.init.constant_(model[0].weight, 100.0)
    inputs = torch.ones(16, 8, dtype=torch.float16) * torch.tensor([1.0, -1.0]).half().repeat(8)[:, None]
    found = spreads_by_scheme(model, inputs, [AS_IT_IS, "zeros"], seed=0)
    hidden, last = found[AS_IT_IS]
    assert hidden.ends == 1.0 and hidden.ends_in_words == "100% saturated" and (hidden.name, last.name) == ("0", "2")
    assert last.ends is None and last.ends_in_words == ""
    assert [layer.std for layer in found["zeros"]] == [0.0, 0.0] and found["zeros"][0].ends == 0.0
