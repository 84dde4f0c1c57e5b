import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moments import Training, readings
from torch import Tensor, nn

from descend.doctor.measure.duplicate_units import SAME, duplicate_share, duplicate_units


def naive_share(weight: Tensor) -> float:
    """Return the share of rows that equal another row, by comparing all pairs."""
    rows = weight.reshape(len(weight), -1).double()
    close = SAME * max(rows.abs().max().item(), 1e-30)
    distance = (rows[:, None] - rows[None]).abs().amax(2)
    distance.fill_diagonal_(float("inf"))
    return (distance.amin(1) <= close).double().mean().item()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_equal_rows_among_few_values(units: int, inputs: int, seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randint(-1, 2, (units, inputs), generator=generator).float() * scale
    assert duplicate_share(weight) == naive_share(weight)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(2, 40), st.integers(1, 200), st.integers(0, 10**6), st.floats(0, 1))
def test_twins_up_to_round_off(units: int, inputs: int, seed: int, share: float) -> None:
    """Equal units that are computed in different SIMD lanes differ by round-off, but still count as equal."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(units, inputs, generator=generator)
    copies = int(share * units)
    weight[:copies] = weight[0] * (1 + 1e-7 * torch.randn(copies, inputs, generator=generator))
    assert duplicate_share(weight) == naive_share(weight)


def test_known_shares() -> None:
    torch.manual_seed(0)
    assert duplicate_share(torch.randn(64, 10)) == 0.0
    assert duplicate_share(torch.full((8, 5), 0.3)) == 1.0
    assert duplicate_share(torch.zeros(8, 5)) == 1.0
    weight = torch.randn(10, 5)
    weight[7] = weight[2]
    assert duplicate_share(weight) == pytest.approx(0.2)
    assert duplicate_share(torch.randn(6, 3, 2, 2)[[0, 1, 2, 0, 1, 2]]) == 1.0
    assert duplicate_share(torch.randn(2, 3, dtype=torch.complex64)[[0, 0]]) == 1.0
    assert duplicate_share(torch.ones(3, 2, dtype=torch.bfloat16)) == 1.0


def test_units_with_different_biases_are_not_equal() -> None:
    weight, bias = torch.ones(4, 1), torch.tensor([0.1, 0.2, 0.3, 0.4])
    assert duplicate_share(weight, bias) == 0.0
    assert duplicate_share(weight, torch.zeros(4)) == 1.0
    assert duplicate_share(weight, bias[[0, 0, 1, 2]]) == 0.5
    assert duplicate_share(weight, torch.zeros(3)) == 1.0  # not this layer's


def test_twins_of_a_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.LayerNorm(2), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.fill_(0.5)
        net[0].bias.zero_()
    training = Training(net, [lambda: net(torch.ones(2, 3)).sum()])
    found = readings(list(duplicate_units(training.snapshot())))
    assert found == {("duplicate_share", "0.weight"): 1.0, ("duplicate_share", "2.weight"): 0.0}


@pytest.mark.parametrize("start", ["drawn", "zero", "rows"])
def test_the_units_of_an_embedding_are_its_features(start: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(6, 3), nn.Linear(3, 2))
    with torch.no_grad():
        if start == "zero":
            net[0].weight.zero_()
        elif start == "rows":  # what is looked up may be the same
            net[0].weight.copy_(net[0].weight[:1].expand(6, 3))
    training = Training(net, [lambda: net(torch.arange(3)).sum()], memory={"embeddings": {"0.weight"}})
    found = readings(list(duplicate_units(training.snapshot())))
    assert found == {("duplicate_share", "0.weight"): float(start == "zero"), ("duplicate_share", "1.weight"): 0.0}


def test_the_scripts_random_state_is_unchanged() -> None:
    state = torch.get_rng_state()
    duplicate_share(torch.ones(3, 2))
    assert torch.equal(torch.get_rng_state(), state)
