import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from descend.network import reinitialise


def deep(width: int = 512, depth: int = 8, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, width))


def variance(weight: Tensor) -> float:
    return weight.double().var(unbiased=False).item()


@pytest.mark.parametrize(
    ("activation", "hidden"),
    [
        ("relu", 2 / 512),
        ("gelu", 2 / 512),
        ("leaky_relu", 2 / (1 + 0.01**2) / 512),
        ("tanh", (5 / 3) ** 2 * 2 / 1024),
        ("sigmoid", 2 / 1024),
    ],
)
def test_the_variance_is_that_of_the_paper(activation: str, hidden: float) -> None:
    model = deep(depth=1)
    assert reinitialise(model, activation) == 2
    noise = 5 * math.sqrt(2 / 512**2)  # five standard errors of a normal variance
    assert variance(model[0].weight) == pytest.approx(hidden, rel=noise)
    assert variance(model[2].weight) == pytest.approx(1 / 512, rel=noise)  # no activation follows it


def test_fan_in_and_fan_out_are_distinguished() -> None:
    model = nn.Sequential(nn.Linear(1024, 256), nn.ReLU(), nn.Linear(256, 1))
    reinitialise(model, "relu")
    assert variance(model[0].weight) == pytest.approx(2 / 1024, rel=0.02)
    reinitialise(model, "tanh")
    assert variance(model[0].weight) == pytest.approx((5 / 3) ** 2 * 2 / (1024 + 256), rel=0.02)
    bound = 5 / 3 * math.sqrt(6 / (1024 + 256))
    assert 0.99 * bound < model[0].weight.abs().max().item() <= bound


def test_the_fan_in_of_a_convolution_includes_the_kernel() -> None:
    model = nn.Sequential(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.ConvTranspose2d(64, 128, 3), nn.Linear(8, 2))
    assert reinitialise(model) == 3
    assert variance(model[0].weight) == pytest.approx(2 / (32 * 9), rel=0.05)
    assert variance(model[2].weight) == pytest.approx(2 / (64 * 9), rel=0.05)


@pytest.mark.parametrize(("activation", "module"), [("relu", nn.ReLU), ("tanh", nn.Tanh)])
def test_activations_keep_their_size_through_many_layers(activation: str, module: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = deep(depth=12, activation=module)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=1e-3)
    x = torch.randn(64, 512)
    assert model[:-1](x).std() < 0.01
    reinitialise(model, activation)
    assert 0.2 < model[:-1](x).std() < 2


def test_biases_are_zero_and_other_modules_stay() -> None:
    model = nn.Sequential(
        nn.Embedding(10, 8),
        nn.LayerNorm(8),
        nn.Linear(8, 8),
        nn.BatchNorm1d(8),
        nn.GRU(8, 8),
        nn.Linear(8, 10),
    )
    model[5].weight = model[0].weight  # tied
    before = copy.deepcopy(model.state_dict())
    assert reinitialise(model) == 1
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"2.weight", "2.bias"} and not model[2].bias.any()


def test_an_embedding_with_equal_features_is_reinitialised() -> None:
    model = nn.ModuleList([nn.Embedding(4000, 16, padding_idx=3), nn.Embedding(40, 16), nn.Embedding(40, 1)])
    with torch.no_grad():
        model[0].weight.zero_()
    before = copy.deepcopy(model)
    assert reinitialise(model) == 1
    assert model[0].weight.std().item() == pytest.approx(0.25, rel=0.02) and not model[0].weight[3].any()
    assert all(torch.equal(model[i].weight, before[i].weight) for i in (1, 2))


def test_the_default_scheme_equals_that_of_torch_including_biases() -> None:
    layers = [nn.Linear(50, 4000), nn.Conv2d(3, 400, 5), nn.ConvTranspose1d(400, 9, 3), nn.Linear(400, 400)]
    own = [(layer.weight.std().item(), layer.bias.abs().max().item()) for layer in layers]
    kept = layers[0].weight.clone()
    assert reinitialise(nn.Sequential(*layers), "default") == 4
    for layer, (spread, reach) in zip(layers, own):
        assert layer.weight.std().item() == pytest.approx(spread, rel=0.05)
        assert layer.bias.abs().max().item() == pytest.approx(reach, rel=0.3)
    assert not torch.equal(layers[0].weight, kept)


def test_computed_and_missing_weights_are_left_out() -> None:
    model = nn.Sequential(weight_norm(nn.Linear(4, 4)), nn.LazyLinear(3), nn.Linear(3, 3, bias=False))
    assert reinitialise(model) == 1


def test_a_shared_layer_is_initialised_once() -> None:
    layer = nn.Linear(4, 4)
    assert reinitialise(nn.Sequential(layer, nn.ReLU(), layer)) == 1


def test_the_random_state_is_read_but_not_advanced() -> None:
    def weights(seed: int, *, touch: bool = True) -> tuple[Tensor, Tensor]:
        model = nn.Linear(4, 4)
        nn.init.zeros_(model.weight)
        torch.manual_seed(seed)
        if touch:
            reinitialise(model)
        return model.weight.detach(), torch.rand(4)

    assert torch.equal(weights(1)[0], weights(1)[0])
    assert not torch.equal(weights(1)[0], weights(2)[0])
    assert torch.equal(weights(1)[1], weights(1, touch=False)[1])


def test_the_weights_differ_from_the_next_random_numbers_of_the_script() -> None:
    torch.manual_seed(0)
    model = nn.Linear(8, 8)
    reinitialise(model)
    following = torch.randn(8, 8)
    correlation = torch.corrcoef(torch.stack([model.weight.detach().flatten(), following.flatten()]))[0, 1]
    assert abs(correlation) < 0.5


def test_twin_networks_stay_different() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    reinitialise(first), reinitialise(second)
    assert not torch.equal(first.weight, second.weight)


def test_the_copies_of_a_parallel_model_stay_equal(tmp_path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/peers", rank=0, world_size=1)
    try:
        models = [nn.Linear(4, 4), nn.Linear(4, 4)]
        models[1].load_state_dict(models[0].state_dict())
        for seed, model in enumerate(models):
            torch.manual_seed(seed)  # as in two processes
            reinitialise(nn.parallel.DistributedDataParallel(model))
        assert torch.equal(models[0].weight, models[1].weight)
    finally:
        torch.distributed.destroy_process_group()


def test_the_precision_and_the_graph_are_kept() -> None:
    model = nn.Linear(4, 4).to(torch.bfloat16)
    reinitialise(model)
    assert model.weight.dtype == torch.bfloat16 and model.weight.is_leaf and model.weight.requires_grad


def test_an_unknown_activation_is_named() -> None:
    with pytest.raises(ValueError, match="'wavelet'; the activations are celu, default, elu"):
        reinitialise(nn.Linear(2, 2), "wavelet")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_every_device_gets_the_same_weights() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    twin = copy.deepcopy(model).cuda()
    torch.cuda.manual_seed(5)
    state = torch.cuda.get_rng_state()
    reinitialise(model), reinitialise(twin)
    assert torch.equal(twin.weight.cpu(), model.weight)
    assert torch.equal(torch.cuda.get_rng_state(), state)
