import pytest
import torch
from torch import nn

from descend.network import initialise_recurrent

LAYERS = [nn.RNN(4, 24), nn.LSTM(4, 24), nn.GRU(4, 24)]


def reach(layer: nn.Module, length: int = 50) -> float:
    """Return the gradient that the last state passes to the first input, over that to the last one."""
    x = torch.randn(length, 8, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[0][-1].sum(), x)
    norms = gradient.flatten(1).norm(dim=1)
    return float(norms[0] / norms[-1])


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_gradient_reaches_the_first_time_step(layer: nn.Module) -> None:
    torch.manual_seed(0)
    layer.reset_parameters()
    before = reach(layer)
    assert initialise_recurrent(nn.Sequential(layer), 50) == 1
    assert before < 1e-5 and reach(layer) > 1e3 * before


def test_recurrent_weights_of_a_plain_layer_are_orthogonal() -> None:
    layer = nn.RNN(4, 24, num_layers=2)
    initialise_recurrent(layer, 10)
    for weight in (layer.weight_hh_l0, layer.weight_hh_l1):
        torch.testing.assert_close(weight @ weight.T, torch.eye(24), atol=1e-5, rtol=0)
    assert not layer.bias_hh_l1.count_nonzero()


def test_the_gate_biases_are_those_of_the_paper() -> None:
    lstm, gru = nn.LSTM(3, 5), nn.GRUCell(3, 5)
    assert initialise_recurrent(nn.ModuleList([lstm, gru]), 40) == 2
    i, f = lstm.bias_ih_l0[:5], lstm.bias_ih_l0[5:10]
    assert torch.equal(i, -f) and bool((f >= 0).all()) and bool((f <= torch.tensor(39.0).log()).all())
    assert not lstm.bias_hh_l0[:10].count_nonzero()
    assert bool((gru.bias_ih[5:10] >= 0).all()) and not gru.bias_hh[5:10].count_nonzero()


def test_the_random_state_of_the_script_is_not_advanced() -> None:
    layer = nn.LSTM(3, 5)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    initialise_recurrent(layer, 40)
    assert torch.equal(torch.rand(2), expected)


def test_a_memory_below_three_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="length must be at least 3, not 2"):
        initialise_recurrent(nn.LSTM(3, 5), 2)
