"""Condition numbers and definiteness of known matrices, and the error of an inversion."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from descend.landscape import condition_number, ends, spectrum

from .matrices import Matrices, network, with_spectrum

ONE = torch.float64


def condition(values, whole: bool = False, dtype: torch.dtype = ONE, **options):
    hessian, like = Matrices([with_spectrum(list(values), dtype=dtype)]), [torch.zeros(len(values), dtype=dtype)]
    found = ends(hessian, like, **options)
    return condition_number(found, spectrum(hessian, like, found, probes=4, steps=30) if whole else None)


@pytest.mark.parametrize("sign", [1, -1])
def test_with_eigenvalues_of_one_sign_it_equals_that_of_numpy(sign: int) -> None:
    values = sign * np.concatenate([[0.02], np.linspace(1, 9, 299)])
    found = condition(values, tolerance=1e-6)
    assert found.number == pytest.approx(np.linalg.cond(np.diag(values)), rel=1e-3) and not found.is_bound
    assert found.definiteness == ("positive definite" if sign > 0 else "negative definite")
    assert found.chance < 0.02 and found.digits == pytest.approx(np.log10(450), rel=1e-3)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(values=st.lists(st.integers(-20, 20), min_size=1, max_size=9, unique=True))
def test_everything_about_a_small_matrix_is_known(values: list[int]) -> None:
    found = condition([float(v) for v in values], whole=True, tolerance=1e-12)
    low, high = min(values), max(values)
    if low == high == 0:
        assert found.definiteness == "zero" and np.isnan(found.number)
        return
    definiteness = (
        ("positive definite" if low > 0 else "positive semidefinite")
        if low >= 0
        else ("negative definite" if high < 0 else "negative semidefinite")
        if high <= 0
        else "indefinite"
    )
    assert found.definiteness == definiteness and found.chance == 0
    smallest = min(map(abs, values))
    assert found.is_bound == (smallest == 0)
    if smallest:
        assert found.number == pytest.approx(max(map(abs, values)) / smallest, rel=1e-6)
    else:  # beyond the precision of float32
        assert found.number > 1e13
    assert found.least == pytest.approx(low, abs=1e-6)


SPECTRA = {
    "indefinite": np.concatenate([np.linspace(-3, -0.5, 200), np.linspace(0.4, 40, 200)]),
    "nearly singular": np.concatenate([[1e-9], np.linspace(-3, -1, 200), np.linspace(1, 40, 199)]),
    "singular": np.concatenate([np.zeros(100), np.linspace(1, 40, 300)]),
    "even": np.linspace(-1, 1, 400),
}


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("dtype", [ONE, torch.float32])
@pytest.mark.parametrize("name", SPECTRA)
def test_a_lower_bound_is_never_above_the_true_condition_number(name: str, dtype: torch.dtype, whole: bool) -> None:
    values = SPECTRA[name]
    found = condition(values, whole=whole, dtype=dtype)
    truth = np.abs(values).max() / max(np.abs(values).min(), 1e-300)
    assert found.is_bound and 1 <= found.number <= truth * (1 + 1e-5)
    assert found.definiteness == ("positive semidefinite" if name == "singular" else "indefinite")


def test_the_density_gives_a_better_bound_than_the_extreme_eigenvalues() -> None:
    values = SPECTRA["singular"]
    shifted = values - 2.0  # now the zeros lie at −2, an end, and values on both sides of 0
    plain, whole = condition(shifted), condition(shifted, whole=True)
    assert whole.number > 5 * plain.number


@pytest.mark.parametrize("dtype", [ONE, torch.float32])
def test_an_eigenvalue_within_rounding_counts_as_zero(dtype: torch.dtype) -> None:
    eps = torch.finfo(dtype).eps
    values = np.concatenate([[eps], np.linspace(1, 2, 60)])
    found = condition(values, dtype=dtype, tolerance=1e-9)
    assert found.definiteness == "positive semidefinite" and found.is_bound
    assert found.number == pytest.approx(2 / found.zero) and found.zero >= 4 * eps


@pytest.mark.slow
def test_the_probability_of_a_missed_eigenvalue_is_not_underestimated() -> None:
    """A search that ends early may find a positive definite matrix, but then reports that this is uncertain."""
    values = [-0.02, *np.linspace(0.05, 1, 250)]
    missed = 0
    for seed in range(20):
        hessian = Matrices([with_spectrum(values, seed)])
        for last in (5, 8, 20, 40):
            found = condition_number(
                ends(hessian, [torch.zeros(251, dtype=ONE)], tolerance=0.0, go_on=lambda n, k=last: n < k)
            )
            assert found.least <= -0.02 + 1e-9
            if found.definiteness != "indefinite":
                missed += 1
                assert found.chance > 0.05 and found.is_bound
    assert missed


def test_a_large_residual_makes_the_condition_number_a_bound() -> None:
    values = np.concatenate([[1e-3], np.linspace(1, 900, 399)])
    found = condition(values, tolerance=1e-2)
    assert found.is_bound and found.number <= 9e5 * (1 + 1e-9)


@pytest.mark.slow
def test_a_softmax_network_has_a_singular_hessian() -> None:
    """A softmax does not change if all its inputs are shifted by the same number, so the Hessian is singular."""
    mean, theta, matrices = network(torch.float32)
    hessian = mean.hessian(theta)
    found = ends(hessian, theta, top=2, bottom=2)
    here = condition_number(found, spectrum(hessian, theta, found))
    assert here.is_bound and here.number >= 1e5 and here.definiteness == "indefinite"


def test_the_condition_number_is_the_sensitivity_of_an_inversion() -> None:
    """The condition number is the largest factor by which an inversion multiplies a relative error."""
    values = np.concatenate([[0.05], np.linspace(1, 5, 79)])
    matrix = with_spectrum(list(values)).numpy()
    found = condition(values, tolerance=1e-10)
    scales, vectors = np.linalg.eigh(matrix)
    assert _amplified(matrix, vectors[:, -1], vectors[:, 0]) == pytest.approx(found.number, rel=1e-6)
    draw = np.random.default_rng(0)
    for _ in range(50):
        assert _amplified(matrix, draw.normal(size=80), draw.normal(size=80)) <= found.number


def _amplified(matrix: np.ndarray, right: np.ndarray, error: np.ndarray) -> float:
    """Return the relative error of A⁻¹b divided by that of b."""
    exact, off = np.linalg.solve(matrix, right), np.linalg.solve(matrix, right + 1e-6 * error)
    relative = np.linalg.norm(off - exact) / np.linalg.norm(exact)
    return relative / (1e-6 * np.linalg.norm(error) / np.linalg.norm(right))


@pytest.mark.parametrize(("top", "bottom"), [(0, 1), (1, 0)])
def test_eigenvalues_from_one_end_are_refused(top: int, bottom: int) -> None:
    with pytest.raises(ValueError, match="one is missing"):
        condition([1.0, 2.0], top=top, bottom=bottom)
