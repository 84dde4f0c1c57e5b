from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located, readings
from torch import Tensor, nn

from descend.doctor.measure.activations import activations
from descend.doctor.record import Site, facts


def training(net: nn.Module, *inputs: Tensor) -> Training:
    return Training(net, [lambda x=x: net(x).square().mean() for x in inputs])


def measured(net: nn.Module, *inputs: Tensor) -> dict[tuple[str, str], float]:
    return readings(list(activations(training(net, *inputs).snapshot())))


def test_dead_units_of_a_perceptron() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 50), nn.ReLU(), nn.Linear(50, 3), nn.ReLU())
    with torch.no_grad():
        net[0].bias[:20] = -100.0
        net[2].bias[1] = -100.0
    batches = [torch.randn(8, 4) for _ in range(3)]
    found = measured(net, *batches)
    hidden = torch.cat([net[:2](x) for x in batches])
    out = torch.cat([net(x) for x in batches])
    for place, values in (("1", hidden), ("3", out)):
        assert found["dead_share", place] == pytest.approx((values <= 0).all(0).double().mean().item())
        assert found["activation_scale", place] == pytest.approx(values.square().mean().sqrt().item(), rel=1e-5)
    assert found["dead_share", "1"] >= 0.4
    assert ("saturated_share", "1") not in found


def test_a_unit_is_alive_if_it_is_active_in_one_batch() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        net[0].bias.zero_()
    assert measured(net, torch.ones(4, 1))["dead_share", "1"] == 0.5
    assert measured(net, torch.ones(4, 1), -torch.ones(4, 1))["dead_share", "1"] == 0.0


@pytest.mark.parametrize(
    ("net", "shape", "dim"),
    [
        (nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU()), (3, 2, 5, 5), 1),
        (nn.Sequential(nn.Conv1d(2, 6, 3), nn.ReLU()), (3, 2, 9), 1),
        (nn.Sequential(nn.Conv1d(2, 6, 3), nn.Dropout(0.5), nn.ReLU()), (3, 2, 9), 1),
        (nn.Sequential(nn.ConvTranspose2d(2, 6, 3), nn.ReLU()), (3, 2, 5, 5), 1),
        (nn.Sequential(nn.Conv3d(2, 6, 2), nn.ReLU()), (3, 2, 4, 4, 4), 1),
        (nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU()), (2, 5, 5), 0),
        (nn.Sequential(nn.Linear(5, 6), nn.ReLU()), (3, 4, 5), 2),
        (nn.Sequential(nn.Linear(5, 6), nn.ReLU()), (3, 4, 2, 5), 3),
        (nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU()), (7, 5), 1),
    ],
)
def test_units_are_along_the_layers_unit_dimension(net: nn.Sequential, shape: tuple[int, ...], dim: int) -> None:
    torch.manual_seed(0)
    norm = next((m for m in net if isinstance(m, nn.BatchNorm2d | nn.LayerNorm)), net[0])
    with torch.no_grad():
        norm.bias[:2] = -100.0
    x = torch.randn(shape)
    snapshot = training(net, x).snapshot()
    found = list(activations(snapshot))
    (place,) = {p for _, p in readings(found)}
    ((_, output),) = snapshot.trained[0].activations
    dead = (output.movedim(dim, 0).reshape(6, -1) == 0).all(1)
    assert dead[:2].all()
    assert readings(found)["dead_share", place] == pytest.approx(dead.double().mean().item())
    assert kept(found).fact(facts.Activation, place).units == 6


class Reused(nn.Module):
    """A single ReLU module that is called after layers of different widths."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 10), nn.Linear(10, 6), nn.Linear(6, 6)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.third(self.relu(self.second(self.relu(self.first(x))))))


def test_a_module_used_after_several_layers_is_measured_for_each() -> None:
    torch.manual_seed(0)
    net = Reused()
    with torch.no_grad():
        net.first.bias[:5] = net.second.bias[:3] = -100.0
    found = measured(net, torch.randn(40, 4), torch.randn(40, 4))
    shares = {place: value for (name, place), value in found.items() if name == "dead_share"}
    assert list(shares) == ["relu", "relu (2)", "relu (3)"]
    assert shares["relu"] >= 0.5 and shares["relu (2)"] >= 0.5 and shares["relu (3)"] < 0.5


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(3 + 8, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(len(x), 8)
        for step in x.unbind(1):
            h = F.relu(self.cell(torch.cat([step, h], 1)))
        return h


def test_a_layer_called_in_a_loop_counts_as_one_layer() -> None:
    torch.manual_seed(0)
    net, x = Recurrent(), torch.randn(5, 4, 3)
    with torch.no_grad():
        net.cell.bias[:4] = torch.tensor([-100.0, -100.0, -100.0, -0.5])
    found = measured(net, x)
    assert [place for name, place in found if name == "dead_share"] == ["model relu (line 0)"]
    h, alive = torch.zeros(5, 8), torch.zeros(8, dtype=torch.bool)
    for step in x.unbind(1):
        h = F.relu(net.cell(torch.cat([step, h], 1)))
        alive |= (h > 0).any(0)
    assert found["dead_share", "model relu (line 0)"] == pytest.approx(1 - alive.double().mean().item())


def test_functional_rectifiers_of_two_layers() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 5)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.b(F.relu(self.a(x), inplace=True)))

    net = Two()
    found = measured(net, torch.randn(30, 4))
    assert [p for n, p in found if n == "dead_share"] == ["model relu (line 0)", "model relu (line 0) (2)"]


@pytest.mark.parametrize(("module", "slope"), [
    (nn.Sigmoid(), lambda z: 4 * torch.sigmoid(z) * (1 - torch.sigmoid(z))),
    (nn.Tanh(), lambda z: 1 - torch.tanh(z) ** 2),
])  # fmt: skip
def test_saturated_units_are_counted(module: nn.Module, slope) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 40), module)
    with torch.no_grad():
        net[0].weight.mul_(10)
    x = torch.randn(20, 3)
    found = measured(net, x)
    share = (slope(net[0](x).double()) < 0.01).double().mean().item()
    assert 0.1 < share < 0.9
    assert found["saturated_share", "1"] == pytest.approx(share, abs=2e-3)
    assert ("dead_share", "1") not in found


@pytest.mark.parametrize(
    ("activation", "alive"),
    [
        (nn.ReLU6(), [False, True, False]),  # flat above six as well
        (nn.Hardtanh(), [False, False, False]),
        (nn.Hardtanh(-2, 4), [True, True, False]),
        (nn.Hardsigmoid(), [True, False, False]),
        (nn.Threshold(0.5, 0.5), [False, True, True]),
        (nn.Threshold(0.5, -3.0), [False, True, True]),
    ],
)
def test_dead_units_of_other_rectifiers_are_counted(activation: nn.Module, alive: list[bool]) -> None:
    net = nn.Sequential(nn.Linear(1, 3), activation)
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.copy_(torch.tensor([-1.0, 3.0, 9.0]))
    found = measured(net, torch.randn(6, 1))
    assert found["dead_share", "1"] == pytest.approx(1 - sum(alive) / 3)


def test_smooth_activations_have_a_scale_only() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 4), nn.SiLU())
    found = measured(net, torch.randn(5, 3))
    assert set(found) == {("activation_scale", "1"), ("activation_scale", "3")}


def test_each_place_is_described_once() -> None:
    net = nn.Sequential(nn.Linear(3, 7), nn.ReLU())
    run = training(net, torch.randn(5, 3))
    first, second = list(activations(run.snapshot())), list(activations(run.snapshot()))
    assert kept(first).fact(facts.Activation, "1") == facts.Activation("relu", 7, "", 0)
    assert not kept(second).facts and readings(first) == readings(second)


def test_bfloat16_outputs_and_networks_without_activations() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).to(torch.bfloat16)
    assert 0 <= measured(net, torch.randn(5, 3, dtype=torch.bfloat16))["dead_share", "1"] <= 1
    assert measured(nn.Linear(3, 2), torch.randn(4, 3)) == {}


# -- rectifiers written by hand

CLAMPS = {
    "clamp, by name": lambda z: z.clamp(min=0),
    "clamp, by position": lambda z: z.clamp(0),
    "clamp of a float": lambda z: torch.clamp(z, min=0.0),
    "clamp_min": lambda z: z.clamp_min(0),
    "in place": lambda z: z.clamp_(min=0),
    "clip": lambda z: torch.clip(z, min=0),
}


@pytest.mark.parametrize("written", CLAMPS)
def test_a_clamp_at_zero_after_a_layer_is_a_rectifier(written: str) -> None:
    torch.manual_seed(0)
    layer, head, x = nn.Linear(4, 10), nn.Linear(10, 3), torch.randn(20, 4)
    with torch.no_grad():
        layer.bias[:4] = -100.0
    net = nn.ModuleList([layer, head])
    run = Training(net, [lambda: F.cross_entropy(head(CLAMPS[written](layer(x))), torch.zeros(20).long())])
    found = readings(list(activations(run.snapshot())))
    ((_, place),) = [key for key in found if key[0] == "dead_share"]
    assert found["dead_share", place] == pytest.approx((layer(x) <= 0).all(0).double().mean().item())
    assert found["dead_share", place] >= 0.4


OTHER_CLAMPS = {
    "of the inputs": lambda x, layer: layer(x.clamp(min=0)),
    "away from zero": lambda x, layer: layer(x).clamp(min=1e-6),
    "at both ends": lambda x, layer: layer(x).clamp(0, 6),
    "from above": lambda x, layer: layer(x).clamp(max=0),
    "of a computed value": lambda x, layer: layer(x).exp().clamp(min=0),
}


@pytest.mark.parametrize("written", OTHER_CLAMPS)
def test_a_clamp_that_is_not_a_rectifier_is_ignored(written: str) -> None:
    layer, x = nn.Linear(4, 10), torch.randn(20, 4)
    run = Training(layer, [lambda: OTHER_CLAMPS[written](x, layer).square().mean()])
    assert list(activations(run.snapshot())) == []


# -- where an activation is chosen


def hidden_sites(net: nn.Module, step: Any) -> list[tuple[str, int, str]]:
    """The key, the line and the name of each site of a hidden activation."""
    made = {id(m): Site("module", "", __file__, 1000 + i, 0, 1000 + i, 9) for i, m in enumerate(net.modules())}
    run = Training(net, [step], origin=located)
    list(activations(run.snapshot(made_at=lambda module: made[id(module)])))
    noted = [(key, site, name) for (kind, key), (site, name) in run.noted.items() if kind == "hidden_activation"]
    return [(key, site.line if site else 0, name) for key, site, name in noted]


def test_only_the_lines_of_hidden_activations_are_recorded() -> None:
    x, t = torch.randn(20, 4), torch.rand(20, 1)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 1), nn.Sigmoid())
    assert hidden_sites(net, lambda: F.binary_cross_entropy(net(x), t)) == [("0", 1002, "Tanh"), ("1", 1004, "ReLU")]


def test_an_activation_function_is_recorded_at_its_call() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.sigmoid(self.a(x)))

    net, x = Two(), torch.randn(20, 4)
    line = Two.forward.__code__.co_firstlineno + 1
    sites = hidden_sites(net, lambda: F.cross_entropy(net(x), torch.zeros(20).long()))
    assert sites == [("0", line, "sigmoid")]


def test_a_hidden_activation_of_the_same_kind_as_the_output_is_recorded() -> None:
    x, t = torch.randn(20, 4), torch.rand(20, 1)
    net = nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 1), nn.Sigmoid())
    assert hidden_sites(net, lambda: F.binary_cross_entropy(net(x), t)) == [("0", 1002, "Sigmoid")]


def test_a_unit_with_nan_is_not_counted_as_dead() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with torch.no_grad():
        net[0].bias[:] = torch.tensor([-100.0, torch.nan, torch.nan])
    assert measured(net, torch.rand(5, 2))["dead_share", "1"] == pytest.approx(1 / 3)
