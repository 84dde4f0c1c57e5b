"""Initialisers compared on the lecture's networks, and with the variances in the papers."""

import pytest
import torch
from torch import nn

from descend.network import SCHEMES, initialise, layer_outputs


def ten_layers(activation, width=400):
    layers = [part for _ in range(10) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(*layers)


def spreads(activation, scheme):
    torch.manual_seed(0)
    model, x = ten_layers(activation), torch.randn(500, 400)
    initialise(model, scheme, x)
    return [seen.output.std().item() for seen in layer_outputs(model, x)]


@pytest.mark.slow
def test_ten_layers_have_the_spreads_of_the_lecture():
    small, large = spreads(nn.Tanh, "normal 0.01"), spreads(nn.Tanh, "normal 1")
    assert small[-1] < 1e-6 and all(b < 0.3 * a for a, b in zip(small, small[1:]))
    assert min(large) > 0.9  # nearly all at -1 or 1
    xavier = spreads(nn.Tanh, "xavier")
    assert min(xavier) > 0.15 and xavier[0] < 0.7
    on_relu, kaiming = spreads(nn.ReLU, "xavier"), spreads(nn.ReLU, "kaiming")
    assert on_relu[-1] < 0.1 * kaiming[-1] and 0.4 < min(kaiming) <= max(kaiming) < 2
    assert spreads(nn.ReLU, "zeros") == [0.0] * 10


@pytest.mark.parametrize("width", [100, 1000])
def test_variances_are_those_of_the_papers(width):
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(width, 300), nn.ReLU(), nn.Linear(300, 200), nn.Tanh(), nn.Linear(200, 90)), None
    x = torch.randn(4, width)
    for scheme, expected in {
        "xavier fan-in": [1 / width, 1 / 300, 1 / 200],
        "xavier": [2 / (width + 300), 2 / 500, 2 / 290],
        "kaiming": [2 / width, (5 / 3) ** 2 / 300, 1 / 200],
        "normal 1": [1, 1, 1],
        "normal 0.01": [1e-4] * 3,
    }.items():
        assert initialise(model, scheme, x) == {"0": "relu", "2": "tanh", "4": ""}
        variances = [model[k].weight.var().item() for k in (0, 2, 4)]
        assert variances == pytest.approx(expected, rel=0.08)
        assert all(model[k].bias.eq(0).all() for k in (0, 2, 4))


def test_the_gain_of_leaky_relu_depends_on_its_slope():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(500, 500), nn.LeakyReLU())
    initialise(model, "kaiming", torch.randn(2, 500))
    assert model[0].weight.var().item() == pytest.approx(2 / (1 + 0.01**2) / 500, rel=0.02)


def test_an_unknown_scheme_is_named():
    with pytest.raises(ValueError, match="scheme must be one of zeros, normal 0.01, .* not 'he'"):
        initialise(nn.Linear(1, 1), "he", torch.zeros(1, 1))
    assert list(SCHEMES) == ["zeros", "normal 0.01", "normal 1", "xavier fan-in", "xavier", "kaiming"]


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [(nn.Conv2d(32, 64, 3), 32 * 9), (nn.ConvTranspose2d(32, 64, 3), 32 * 9), (nn.Linear(64, 200), 64)],
)
def test_kaiming_uses_the_fan_in(layer, fan_in):
    torch.manual_seed(0)
    x = torch.randn(2, 64) if isinstance(layer, nn.Linear) else torch.randn(2, 32, 5, 5)
    initialise(nn.Sequential(layer, nn.ReLU()), "kaiming", x)
    assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.05)
