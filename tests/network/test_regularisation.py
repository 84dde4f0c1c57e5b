"""Dropout, augmentation and residual connections that are inserted into a network change what they should."""

import pytest
import torch
from torch import nn

from descend.network import augment_inputs, insert_dropout, insert_normalisation, insert_residuals


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))


def test_a_residual_connection_adds_the_input_of_a_layer_of_equal_size():
    model, x = network(), torch.randn(5, 4)
    first, _, second, _, last = model
    h = first(x).relu()
    expected = last(torch.tanh(h + second(h)))
    assert insert_residuals(model) == 1 and insert_residuals(model) == 0
    torch.testing.assert_close(model(x), expected)


def test_a_convolution_with_another_output_shape_stays_unchanged():
    model = nn.Sequential(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, stride=2), nn.Flatten())
    x = torch.randn(2, 2, 9, 9)
    inner = model[0](x)
    expected = model[2](inner + model[1](inner))
    insert_residuals(model)
    torch.testing.assert_close(model(x), expected.flatten(1))


def test_the_gradient_passes_around_layers_with_small_weights():
    def first_gradient(residual: bool) -> float:
        torch.manual_seed(0)
        model = nn.Sequential(*(part for _ in range(8) for part in (nn.Linear(6, 6), nn.Tanh())), nn.Linear(6, 1))
        for weights in model.parameters():
            nn.init.normal_(weights, std=0.05)
        if residual:
            insert_residuals(model)
        model(torch.randn(20, 6)).square().mean().backward()
        return model[0].weight.grad.norm().item()

    assert first_gradient(True) > 1e4 * first_gradient(False)


def test_dropout_keeps_the_mean_and_is_off_in_evaluation_mode():
    model, x = nn.Sequential(nn.Linear(4, 2000), nn.Linear(2000, 1)), torch.randn(1, 4)
    before = model(x)
    assert insert_dropout(model, 0.25) == 1
    hidden = []
    model[1].register_forward_pre_hook(lambda module, arguments: hidden.append(arguments[0]))
    model(x)
    dropped = (hidden[0] == 0).float().mean().item()
    assert dropped == pytest.approx(0.25, abs=0.05)
    assert hidden[0].mean().item() == pytest.approx(model[0].eval()(x).mean().item(), abs=0.05)
    torch.testing.assert_close(model.eval()(x), before)


def test_noise_has_a_share_of_each_features_deviation():
    model, x = nn.Sequential(nn.Identity()), torch.randn(4000, 2) * torch.tensor([1.0, 100.0])
    augment_inputs(model, "noise")
    ratio = (model(x) - x).std(0) / x.std(0)
    torch.testing.assert_close(ratio, torch.tensor([0.3, 0.3]), atol=0.02, rtol=0)
    assert model.eval()(x).equal(x)
    assert model.train()(x[:1]).isfinite().all()


def test_images_are_moved_in_training_mode_only():
    model, images = nn.Sequential(nn.Identity()), torch.zeros(50, 1, 11, 11)
    images[:, :, 5, 5] = 1.0
    augment_inputs(model, "affine")
    moved = model(images)
    assert moved.shape == images.shape and (moved - images).abs().amax((1, 2, 3)).min() > 0
    places = moved.flatten(1).argmax(1)
    assert {(p.item() // 11, p.item() % 11) for p in places} <= {(r, c) for r in range(3, 8) for c in range(3, 8)}
    assert model.eval()(images).equal(images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: insert_dropout(network(), 1.0), "p must be in"),
        (lambda: augment_inputs(network(), "colour"), "kind must be noise or affine"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("kind", "count"), [("batch", 2), ("layer", 2)])
def test_the_input_of_every_layer_but_the_first_is_normalised(kind, count):
    model, x = network(), 5 * torch.randn(64, 4) + 3
    seen = []
    assert insert_normalisation(model, kind, at="input") == count
    for layer in (model[2], model[4]):
        layer.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    model(x)
    over = 0 if kind == "batch" else 1
    for given in seen:
        torch.testing.assert_close(given.mean(over), torch.zeros(given.shape[1 - over]), atol=1e-4, rtol=0)
    assert insert_normalisation(model, kind, at="input") == 0


@pytest.mark.parametrize("arguments", [("batch", "both"), ("weight", "input")])
def test_an_unknown_place_of_a_normalisation_is_named(arguments):
    with pytest.raises(ValueError, match="at must be output or input"):
        insert_normalisation(network(), *arguments)
