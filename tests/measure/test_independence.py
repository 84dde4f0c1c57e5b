from time import process_time

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.independence import LEAST, SHUFFLES, independence, independence_p_value
from descend.doctor.record import facts


def drawn(seed: int, examples: int = 200, features: int = 5) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(examples, features)


def xor(x: Tensor) -> Tensor:
    return ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()[:, None]


def squares(seed: int) -> tuple[Tensor, Tensor]:
    """Small images: a bright square in the upper or in the lower half."""
    x = drawn(seed, 120, 64).reshape(-1, 8, 8)
    y = torch.randint(2, (120,))
    for image, label in zip(x, y):
        image[4 * label : 4 * label + 4, 2:6] += 1.0
    return x.reshape(120, -1), y[:, None]


DEPENDENT = {
    "a line": lambda x: x[:, :1] + 0.5 * torch.randn(len(x), 1),
    "a parabola, without correlation": lambda x: x[:, :1].square(),
    "spread alone": lambda x: x[:, :1] * 2 * torch.randn(len(x), 1),
    "several targets": lambda x: x[:, :3].sin(),
    "classes": lambda x: x[:, :3].argmax(1, keepdim=True),
    "xor": xor,
    "a fast wave": lambda x: (12 * x[:, :1]).sin(),
    "labels kept as numbers": lambda x: (x[:, :1] > 0).float(),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEPENDENT)
@pytest.mark.parametrize("seed", range(2))
def test_dependent_targets_are_seen(kind: str, seed: int) -> None:
    x = drawn(seed, features={"xor": 2, "spread alone": 1, "a fast wave": 1}.get(kind, 5))
    assert independence_p_value([x.double()], DEPENDENT[kind](x)) < 0.05


def test_images_and_their_classes() -> None:
    x, y = squares(0)
    assert independence_p_value([x.double()], y) == pytest.approx(1 / (1 + SHUFFLES))  # none of the shuffled ones
    assert independence_p_value([x.double()], y[torch.randperm(len(y))]) > 0.05


@pytest.mark.parametrize("kind", ["real", "classes"])
@pytest.mark.slow
def test_p_values_of_independent_targets_are_uniform(kind: str) -> None:
    values = []
    for seed in range(20):
        x = drawn(seed, 80)
        t = torch.randn(80, 1) if kind == "real" else torch.randint(4, (80, 1))
        values.append(independence_p_value([x.double()], t))
    assert sum(value < 0.1 for value in values) <= 6  # two are expected; more than six once in 400
    assert 0.3 < sum(values) / len(values) < 0.7


@pytest.mark.slow
def test_the_test_does_not_depend_on_units_or_constant_features() -> None:
    x = drawn(0).double()
    t = DEPENDENT["a line"](x)
    raw = torch.cat([x * torch.tensor([1e6, 1.0, 1e-6, 1.0, 1.0]) + 1e3, torch.ones(len(x), 1)], 1)
    assert independence_p_value([raw], 1e5 * t) < 0.05


def classifier(*batches: tuple[Tensor, Tensor]) -> Training:
    net = nn.Linear(5, 3)
    return Training(net, [lambda x=x, y=y: F.cross_entropy(net(x), y) for x, y in batches])


def test_the_fixed_examples_are_tested_together() -> None:
    x = drawn(0, 2 * LEAST)
    y = x[:, :3].argmax(1)
    snapshot = classifier((x[:LEAST], y[:LEAST]), (x[LEAST:], y[LEAST:])).snapshot()
    found = kept(independence(snapshot)).fact(facts.Signal)
    assert found.examples == 2 * LEAST
    assert found.p_value == independence_p_value([x.double()], y[:, None])


def test_the_scripts_random_numbers_stay_as_they_are() -> None:
    x = drawn(0, LEAST)
    snapshot = classifier((x, x[:, :3].argmax(1))).snapshot()
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    first = list(independence(snapshot))
    assert torch.equal(torch.rand(3), expected)
    assert list(independence(snapshot)) == first  # nor does the answer hang on them


def test_too_few_examples_are_unavailable() -> None:
    x = drawn(0, LEAST - 1)
    with pytest.raises(Unavailable, match="too few examples"):
        list(independence(classifier((x, x[:, :3].argmax(1))).snapshot()))
    net = nn.Linear(5, 3)
    with pytest.raises(Unavailable, match="the targets are unknown"):
        list(independence(Training(net, [lambda: net(x).square().mean()]).snapshot()))


def test_the_targets_of_a_generator() -> None:
    net = nn.Linear(3, 1)
    x, real = torch.randn(100, 3), torch.ones(100, 1)
    with pytest.raises(Unavailable, match="all targets are equal"):
        list(independence(Training(net, [lambda: F.binary_cross_entropy_with_logits(net(x), real)]).snapshot()))


def test_targets_for_each_pixel_are_unavailable() -> None:
    net, x = nn.Conv2d(1, 3, 1), torch.randn(LEAST, 1, 2, 2)
    with pytest.raises(Unavailable, match="one example has several targets"):
        list(independence(Training(net, [lambda: F.cross_entropy(net(x), torch.randint(3, (LEAST, 2, 2)))]).snapshot()))


def test_a_large_batch_takes_less_than_a_second() -> None:
    x = drawn(0, 1500)
    began = process_time()
    list(independence(classifier((x, x[:, :3].argmax(1))).snapshot()))
    assert process_time() - began < 1.0


def test_inputs_that_are_their_own_targets_depend_on_them() -> None:
    pixels = torch.randint(0, 17, (100, 12)).double()
    assert independence_p_value([pixels], pixels) < 0.05


def test_the_models_own_input_is_tested_as_well_as_its_sines() -> None:
    class Waves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer((x * torch.linspace(1.0, 300.0, 32)).sin())

    x, net = drawn(0, 128, 1), Waves()
    t = x + 0.7 * torch.randn_like(x)
    found = kept(independence(Training(net, [lambda: F.mse_loss(net(x), t)]).snapshot())).fact(facts.Signal)
    assert found.p_value < 0.05 and found.power is None


def test_the_power_is_reported_for_independent_targets() -> None:
    def measured_power(examples: int, features: int) -> float:
        x, y = drawn(0, examples, features), torch.randint(2, (examples,))
        net = nn.Linear(features, 2)
        return (
            kept(independence(Training(net, [lambda: F.cross_entropy(net(x), y)]).snapshot())).fact(facts.Signal).power
        )

    assert measured_power(256, 2) > 0.9
    assert measured_power(64, 400) < 0.8
