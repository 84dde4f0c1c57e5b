"""The spread of the outputs of the lecture's deep networks, as `descend lab activations` draws it."""

import pytest
import torch
from torch import nn

from descend.network.deep import deep_network
from descend.network.spreads import AS_IT_IS, POINTS, distributions_by_scheme, normal_inputs


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_sample_of_outputs_represents_all_outputs(activation):
    network = deep_network(activation, 4)
    found = distributions_by_scheme(network, normal_inputs(network, 2000, [800], seed=1), ["kaiming"], seed=1)
    for spread in found["kaiming"]:
        some = torch.tensor(spread.some)
        assert len(some) == POINTS and some.std().item() == pytest.approx(spread.std, rel=0.2)
        if activation == "relu":
            assert (some == 0).float().mean().item() == pytest.approx(spread.ends, abs=0.1)
            assert spread.ends == pytest.approx(0.5, abs=0.05)


def test_the_inputs_differ_from_the_weights():
    network = nn.Sequential(nn.Linear(800, 2000))
    inputs = normal_inputs(network, 2000, [800], seed=0)
    [spread] = distributions_by_scheme(network, inputs, ["normal 1"], seed=0)["normal 1"]
    assert not torch.allclose(network[0].weight, inputs)
    assert spread.std == pytest.approx(800**0.5, rel=0.01)  # One unit is a sum of 800 independent products.


def test_the_original_weights_are_measured_before_they_are_reinitialised():
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Sigmoid(), nn.Linear(8, 4, bias=False)).half()
    nn.init.constant_(model[0].weight, 100.0)
    inputs = torch.ones(16, 8, dtype=torch.float16) * torch.tensor([1.0, -1.0]).half().repeat(8)[:, None]
    found = distributions_by_scheme(model, inputs, [AS_IT_IS, "zeros"], seed=0)
    hidden, last = found[AS_IT_IS]
    assert hidden.ends == 1.0 and hidden.ends_message == "100% saturated" and (hidden.name, last.name) == ("0", "2")
    assert last.ends is None and last.ends_message == ""
    assert [layer.std for layer in found["zeros"]] == [0.0, 0.0] and found["zeros"][0].ends == 0.0
