"""Recorded layer outputs, swapped activations, and inserted normalisation."""

import copy
import math
import pickle

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from descend.network import (
    NormPropConv2d,
    NormPropLinear,
    initialise,
    insert_activations,
    insert_normalisation,
    layer_outputs,
    swap_activations,
)


class Mixed(nn.Module):
    """Functional activations and modules, a convolution, dropout, and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)
        self.body = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.5))
        self.shared = nn.Linear(16, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.conv(x.unsqueeze(1))).flatten(1)
        x = self.body(x)
        x = torch.sigmoid(self.shared(F.leaky_relu(self.shared(x))))
        return self.head(x)


def test_each_layer_is_recorded_with_its_activation():
    torch.manual_seed(0)
    model, x = Mixed(), torch.randn(7, 8)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    seen = layer_outputs(model, x)
    names = [(s.name, s.activation) for s in seen]
    assert names == [
        ("conv", "relu"),
        ("body.0", "tanh"),
        ("shared", "leaky_relu"),
        ("shared", "sigmoid"),
        ("head", ""),
    ]
    assert torch.equal(seen[0].output, F.relu(model.conv(x.unsqueeze(1))))
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_activations_are_swapped_and_functional_ones_counted():
    model, x = Mixed(), torch.randn(5, 8)
    swapped = swap_activations(model, nn.ReLU, x)
    assert swapped.modules == 1 and swapped.functional == {"relu": 1, "leaky_relu": 1, "sigmoid": 1}
    assert isinstance(model.body[2], nn.ReLU)
    same = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), nn.GELU()))
    assert swap_activations(same, nn.SiLU, torch.randn(1, 2)).functional == {}
    assert [type(m).__name__ for m in same[1]] == ["SiLU", "SiLU"] and same[1][0] is not same[1][1]


def test_a_shared_activation_is_swapped_at_every_position():
    shared = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared).double().eval()
    assert swap_activations(model, nn.PReLU).modules == 2
    assert model(torch.randn(2, 4, dtype=torch.float64)).dtype is torch.float64
    assert not model[3].training and isinstance(model[3], nn.PReLU)


def test_parametrised_weights_are_initialised_too():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 9)), torch.randn(3, 400)
    insert_normalisation(model, "weight")
    assert [seen.name for seen in layer_outputs(model, x)] == ["0", "2"]
    assert initialise(model, "kaiming", x) == {"0": "relu", "2": ""}
    assert model[0].weight.var().item() == pytest.approx(2 / 400, rel=0.05)


def test_a_transposed_convolution_keeps_the_variance():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.ConvTranspose2d(64, 8, 3, padding=1), nn.ReLU()), torch.randn(4, 64, 20, 20)
    initialise(model, "kaiming", x)
    assert model[0](x).std().item() == pytest.approx(2**0.5, rel=0.1)


def test_attention_layers_get_no_normalisation():
    model = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Linear(8, 2))
    insert_normalisation(model, "batch")
    model(torch.randn(3, 5, 8)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_a_normalisation_is_part_of_the_layer(kind):
    torch.manual_seed(0)
    model, x = Mixed(), torch.randn(64, 8)
    before = copy.deepcopy(model)
    assert insert_normalisation(model, kind) == 2  # the convolution and the shared layer; one has a norm, one is last
    assert insert_normalisation(model, kind) == 0
    hidden = model.conv(x.unsqueeze(1))
    plain = before.conv(x.unsqueeze(1))
    norm = nn.BatchNorm1d(4) if kind == "batch" else nn.GroupNorm(1, 4)
    torch.testing.assert_close(hidden, norm(plain))
    names = set(dict(model.named_parameters())) - set(dict(before.named_parameters()))
    assert names == {f"{layer}.normalisation.{p}" for layer in ("conv", "shared") for p in ("weight", "bias")}
    again = Mixed()
    insert_normalisation(again, kind)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.eval()(x), model.eval()(x))
    model(x).sum().backward()
    assert model.conv.normalisation.weight.grad is not None
    assert torch.equal(copy.deepcopy(model)(x), model(x))


def test_sequences_count_as_more_examples():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
    insert_normalisation(model, "batch")
    out = model[0](torch.randn(6, 11, 3))
    torch.testing.assert_close(out.flatten(0, 1).mean(0), torch.zeros(5), atol=1e-5, rtol=0)


def test_weight_norm_is_that_of_torch_and_changes_no_output():
    torch.manual_seed(0)
    model, x = Mixed().eval(), torch.randn(5, 8)
    before = model(x)
    assert insert_normalisation(model, "weight") == 2 and insert_normalisation(model, "weight") == 0
    torch.testing.assert_close(model(x), before)
    assert "conv.parametrizations.weight.original0" in model.state_dict()
    with pytest.raises(ValueError, match="kind must be batch, layer or weight, not 'group'"):
        insert_normalisation(model, "group")


def test_activations_are_inserted_after_hidden_layers_without_one():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 1)), torch.randn(50, 2)
    plain = copy.deepcopy(model)
    assert insert_activations(model) == 1 and insert_activations(model) == 0
    torch.testing.assert_close(model(x), plain[1:](plain[0](x).relu()))
    assert torch.equal(pickle.loads(pickle.dumps(model))(x), model(x))
    again = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
    assert insert_activations(again, nn.Tanh) == 1
    torch.testing.assert_close(again[0](x).abs().max() < 1, torch.tensor(True))
    images = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2))
    assert insert_activations(images) == 1 and [name for name, _ in images[0].named_modules()] == ["", "activation"]


@pytest.mark.slow
def test_normalisation_propagation_keeps_mean_0_and_variance_1():
    torch.manual_seed(0)
    x = torch.randn(4000, 300)
    layers = [NormPropLinear(300, 300) for _ in range(8)]
    for layer in layers:
        with torch.no_grad():
            layer.gamma.fill_(1.0)  # eq. 9 without the Jacobian's factor
        x = layer(x)
        assert abs(x.mean().item()) < 0.1 and abs(x.std().item() - 1) < 0.1


@pytest.mark.parametrize(("groups", "options"), [(1, {"padding": 1}), (1, {"stride": 2}), (2, {"dilation": 2})])
def test_a_convolution_propagates_as_the_linear_layer_of_each_patch(groups, options):
    """Eq. 10 is eq. 9 for every patch: on real images, with the patches cut out by `unfold`."""
    torch.manual_seed(0)
    images = torch.tensor(load_digits().images[:20]).float().unsqueeze(1) / 8 - 1
    images = torch.cat([images, images.flip(3)], 1)
    layer = NormPropConv2d(2, 6, 3, groups=groups, **options)
    with torch.no_grad():
        layer.bias.normal_(), layer.gamma.uniform_(0.5, 2.0)
    expected = []
    for of_group, *parameters in zip(images.chunk(groups, 1), *(p.chunk(groups) for p in layer.parameters())):
        linear = NormPropLinear(9 * of_group.shape[1], 6 // groups)
        for own, given in zip(linear.parameters(), parameters):
            own.data = given.detach().reshape(own.shape)
        expected.append(linear(F.unfold(of_group, 3, **options).transpose(1, 2)).transpose(1, 2))
    torch.testing.assert_close(layer(images).flatten(2), torch.cat(expected, 1), atol=1e-5, rtol=1e-5)


def test_the_constants_are_the_moments_of_a_rectified_normal_number():
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0)).relu()
    layer = NormPropLinear(1, 1, bias=False)
    with torch.no_grad():
        layer.gamma.fill_(1.0), layer.weight.fill_(-7.0)
    out = layer(-z.unsqueeze(1))
    assert abs(out.mean().item()) < 2e-3 and abs(out.std().item() - 1) < 2e-3


@pytest.mark.slow
def test_the_norm_of_the_weights_does_not_matter():
    torch.manual_seed(0)
    for layer, x in (
        (NormPropLinear(6, 4), torch.randn(3, 6)),
        (NormPropConv2d(2, 4, 3, padding=1, stride=2), torch.randn(3, 2, 8, 8)),
    ):
        before = layer(x)
        with torch.no_grad():
            layer.weight.mul_(100.0)
        torch.testing.assert_close(layer(x), before)
        assert torch.autograd.gradcheck(layer.double(), x.double().requires_grad_())
    assert before.shape == (3, 4, 4, 4) and math.isclose(layer.gamma[0].item(), 1 / 1.21, rel_tol=1e-6)
    with pytest.raises(ValueError, match="padding_mode must be zeros, not 'reflect'"):
        NormPropConv2d(1, 1, 3, padding_mode="reflect")
