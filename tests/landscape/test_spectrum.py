"""Density, trace and diagonal, compared with the full matrix."""

import math

import numpy as np
import pytest
import torch
from sampling import sampled
from scipy.stats import wasserstein_distance

from descend.landscape import ends, spectrum
from descend.landscape.spectrum import (
    CHANCE,
    DENSITY_ERROR,
    PROBES,
    STEPS,
    TRACES,
    Estimate,
    dense_hessian,
    directions_for,
    products_for,
)

from .matrices import Matrices, network, with_spectrum

SPECTRA = {
    "a network's": np.concatenate([[50, 30, 20, 5, -3, -1], np.random.default_rng(0).laplace(scale=0.05, size=494)]),
    "even": np.linspace(-1, 1, 500),
    "two heaps": np.concatenate([np.full(250, -1.0), np.full(250, 3.0)]) + np.linspace(0, 0.1, 500),
    "singular": np.concatenate([np.zeros(450), np.linspace(1, 9, 50)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("knows_ends", [True, False])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_density_is_that_of_the_matrix(name: str, knows_ends: bool) -> None:
    values = SPECTRA[name]
    hessian, like = Matrices([with_spectrum(list(values))]), [torch.zeros(20, 25, dtype=torch.float64)]
    found = spectrum(hessian, like, ends(hessian, like, top=2, bottom=2) if knows_ends else None)
    assert not found.is_exact and sum(found.weights) == pytest.approx(1)
    distance = wasserstein_distance(values, found.values, None, found.weights)
    assert distance <= 0.01 * np.ptp(values)
    assert found.share_below(np.inf) == pytest.approx(1) and found.share_below(-np.inf) == 0


@pytest.mark.slow
@pytest.mark.parametrize("knows_ends", sampled([True, False], False))
def test_the_intervals_of_the_trace_cover_it(knows_ends: bool) -> None:
    covered = 0
    for seed in range(200):
        matrix = with_spectrum(list(SPECTRA["a network's"]), seed)
        hessian, like = Matrices([matrix]), [torch.zeros(500, dtype=torch.float64)]
        known = ends(hessian, like, top=4, bottom=2) if knows_ends else None
        low, high = spectrum(hessian, like, known, probes=10, steps=1).trace.interval()
        covered += low <= float(matrix.trace()) <= high
    assert covered >= 180


def test_the_diagonal_and_the_trace_of_each_block() -> None:
    torch.manual_seed(0)
    matrix = torch.diag(torch.linspace(1, 5, 100, dtype=torch.float64)) + 0.01 * with_spectrum([1.0] * 50 + [-1.0] * 50)
    like = [torch.zeros(4, 10, dtype=torch.float64), torch.zeros(60, dtype=torch.float64)]
    found = spectrum(Matrices([matrix]), like, probes=9, steps=11)
    assert [d.shape for d in found.diagonal] == [(4, 10), (60,)] and not found.is_exact
    exact = matrix.diagonal().split([40, 60])
    for diagonal, trace, block in zip(found.diagonal, found.traces, exact):
        assert diagonal.reshape(-1).tolist() == pytest.approx(block.tolist(), abs=0.15)
        low, high = trace.interval(0.9999)
        assert low <= float(block.sum()) <= high and high - low < 2
    assert found.trace.value == pytest.approx(sum(trace.value for trace in found.traces))


@pytest.mark.slow
def test_with_few_parameters_the_whole_matrix_is_computed() -> None:
    mean, theta, matrices = network(torch.float64)
    exact = torch.stack(matrices).mean(0)
    found = spectrum(mean.hessian(theta), theta)
    assert found.is_exact and found.products == len(exact) and found.trace.interval() == (found.trace.value,) * 2
    assert list(found.values) == pytest.approx(torch.linalg.eigvalsh(exact).tolist(), abs=1e-9)
    assert torch.cat([d.reshape(-1) for d in found.diagonal]).tolist() == pytest.approx(exact.diagonal().tolist())
    assert torch.allclose(dense_hessian(mean.hessian(theta), theta), exact)


def test_the_estimate_can_be_ended_after_any_direction() -> None:
    hessian, like = Matrices([with_spectrum(list(range(300)))]), [torch.zeros(300, dtype=torch.float64)]
    found = spectrum(hessian, like, probes=10, steps=20, go_on=lambda products: products < 35)
    assert found.products == 40 and len(found.trace.samples) == 2 and sum(found.weights) == pytest.approx(1)


def test_more_parameters_need_fewer_directions_for_the_density() -> None:
    counts = [directions_for(size) for size in (401, 5_000, 10_000, 26_122, 10**6)]
    assert counts == [PROBES, 10, 6, 3, 2]  # 4 ln(2n/0.05) / (n 0.03²), rounded up, within 2 to 10
    assert all(products_for(size) <= 400 + TRACES for size in (401, 5_000, 10**6))


@pytest.mark.parametrize("size", [8_051, 31_191])  # sizes for which directions from the unit sphere could be fewer
def test_the_random_signs_rarely_move_the_density_too_far(size: int) -> None:
    largest_chance = 2 * size * math.exp(-directions_for(size) * size * DENSITY_ERROR**2 / 4)
    assert largest_chance <= CHANCE


def test_the_error_of_the_density_is_within_its_bound() -> None:
    size = 4_096
    hadamard = torch.ones(1, 1)
    while len(hadamard) < size:
        hadamard = torch.cat([torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)])
    signs = torch.randn(50, 4, size, generator=torch.Generator().manual_seed(0)).sign()
    weights = (signs @ hadamard / size).square().mean(1)  # of the eigenvalues, whose eigenvectors are the columns
    error = (weights.cumsum(1) - torch.arange(1, size + 1) / size).abs().amax(1)
    within = math.sqrt(4 * math.log(2 * size / CHANCE) / (size * 4))  # the bound for 4 directions
    assert float((error <= within).float().mean()) >= 1 - CHANCE and float(error.max()) > within / 10


def test_the_trace_has_more_directions_than_the_density() -> None:
    size = 30_000
    values = torch.linspace(1, 3, size)
    hessian = Diagonal(values)
    found = spectrum(hessian, [torch.zeros(size)])
    assert found.products == hessian.products_taken == products_for(size) == directions_for(size) * STEPS + 20 - 3
    assert len(found.trace.samples) == TRACES and sum(found.weights) == pytest.approx(1)
    assert found.trace.value == pytest.approx(float(values.sum()), rel=1e-5)  # signs are exact for a diagonal matrix
    distance = wasserstein_distance(values.numpy(), found.values, None, found.weights)
    assert distance <= DENSITY_ERROR * 2


class Diagonal:
    """A diagonal Hessian that counts its products."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values, self.products_taken = values, 0

    def products(self, vector):
        self.products_taken += 1
        return [(self.values * vector[0],)]


def test_an_estimate_of_one_sample_is_exact() -> None:
    assert Estimate((3.0,)).interval() == (3.0, 3.0)
    low, high = Estimate((1.0, 2.0, 3.0)).interval()
    assert (low + high) / 2 == pytest.approx(2) and high - low == pytest.approx(2 * 4.302653 / 3**0.5, rel=1e-6)


@pytest.mark.parametrize("given", [{"probes": 0}, {"steps": 0}])
def test_counts_below_one_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        spectrum(Matrices([torch.eye(3)]), [torch.zeros(3)], **given)
