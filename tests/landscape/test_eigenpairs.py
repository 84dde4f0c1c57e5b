"""Both ends of a spectrum, compared with dense eigensolvers and ARPACK."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, eigsh

from descend.landscape import CurvatureUnavailable, Preconditioned, ends
from descend.landscape.vectors import normal_like

from .matrices import Matrices, network, with_spectrum

ONE = torch.float64
NETWORK = np.concatenate([[50, 30, 20, 5, -3, -1], np.random.default_rng(0).laplace(scale=0.05, size=394)])
SPECTRA = {
    "a network's": NETWORK,
    "even": np.linspace(-1, 1, 300),
    "convex": np.concatenate([[1, 2, 3, 5], np.geomspace(8, 30, 296)]),
}


def parameters(size: int, dtype: torch.dtype = ONE) -> list[torch.Tensor]:
    return [torch.zeros(size, dtype=dtype)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
def test_both_ends_with_no_more_products_than_arpack(name: str, count: int, tolerance: float) -> None:
    values = np.sort(SPECTRA[name])
    matrix = with_spectrum(list(values))
    found = ends(Matrices([matrix]), parameters(len(values)), top=count, bottom=count, tolerance=tolerance)
    spread = np.ptp(values)
    assert [pair.value for pair in found.bottom] == pytest.approx(values[:count], abs=0.01 * spread)
    assert [pair.value for pair in found.top] == pytest.approx(values[::-1][:count], abs=0.01 * spread)
    worst = 0.0
    for pair in (*found.top, *found.bottom):
        residual = float((matrix @ pair.vector[0] - pair.value * pair.vector[0]).norm())
        assert residual == pytest.approx(pair.residual, abs=1e-8 * spread)
        worst = max(worst, residual)
    assert worst <= tolerance * found.radius
    assert found.products <= 1.1 * _arpack(matrix.numpy(), 2 * count, worst)


def _arpack(matrix: np.ndarray, count: int, residual: float) -> int:
    """Return the number of products that ARPACK needs to find as many pairs with the same accuracy."""
    asked = []

    def product(row: np.ndarray) -> np.ndarray:
        asked.append(row)
        return matrix @ row

    start = normal_like(torch.zeros(len(matrix), dtype=ONE)).numpy()  # the same start vector as ours
    operator = LinearOperator(matrix.shape, matvec=product, dtype=float)
    for tolerance in (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6):
        asked.clear()
        values, vectors = eigsh(operator, k=count, which="BE", tol=tolerance, v0=start)
        if np.linalg.norm(matrix @ vectors - vectors * values, axis=0).max() <= residual:
            break
    return len(asked)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "precision"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_the_extreme_eigenpairs_equal_those_of_the_full_hessian(dtype: torch.dtype, precision: float) -> None:
    mean, theta, matrices = network(dtype)
    exact = torch.linalg.eigvalsh(torch.stack(matrices).mean(0).double())
    found = ends(mean.hessian(theta), theta, top=2, bottom=2, tolerance=1e-4)
    spread = float(exact[-1] - exact[0])
    assert [pair.value for pair in found.top] == pytest.approx(exact.flip(0)[:2].tolist(), abs=precision * spread)
    assert [pair.value for pair in found.bottom] == pytest.approx(exact[:2].tolist(), abs=precision * spread)
    assert [v.shape for v in found.top[0].vector] == [t.shape for t in theta]
    assert found.noise <= 1e-5 * spread


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=9, unique=True),
    top=st.integers(0, 4),
    bottom=st.integers(0, 4),
)
def test_all_requested_eigenpairs_of_a_small_matrix_are_found(values: list[int], top: int, bottom: int) -> None:
    hessian = Matrices([with_spectrum(values)])
    if not top + bottom:
        with pytest.raises(ValueError, match="at least 1"):
            ends(hessian, parameters(len(values)), top=0, bottom=0)
        return
    found = ends(hessian, parameters(len(values)), top=top, bottom=bottom, tolerance=1e-9)
    up, down = sorted(values, reverse=True)[:top], sorted(values)[:bottom]
    assert [pair.value for pair in found.top] == pytest.approx(up, abs=1e-7)
    assert [pair.value for pair in found.bottom] == pytest.approx(down, abs=1e-7)
    assert found.products <= len(values)


def test_a_missed_eigenvalue_is_less_likely_after_more_products() -> None:
    """The probability is an upper bound: 200 random starts do not miss the smallest eigenvalue more often."""
    values = list(np.linspace(0, 1, 400))
    values[0] = -0.05
    hessian = Matrices([with_spectrum(values)])
    chances = [
        ends(hessian, parameters(400), top=1, bottom=1, tolerance=0.0, go_on=lambda n, k=k: n < k).unseen(0.04)
        for k in (10, 20, 40)
    ]
    assert all(a > b for a, b in pairwise(chances)) and 0 < chances[-1] < 1e-3


def test_the_search_can_be_ended_at_any_product() -> None:
    hessian = Matrices([with_spectrum(list(np.linspace(-1, 1, 60)))])
    for last in (1, 2, 3, 50):
        found = ends(hessian, parameters(60), top=3, bottom=2, tolerance=0.0, go_on=lambda n, k=last: n < k)
        assert found.products == last and len(found.top) == min(3, last)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_product_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(CurvatureUnavailable, match="not finite"):
        ends(Matrices([torch.full((30, 30), bad)]), parameters(30, torch.float32))


def test_a_hessian_of_zeros_has_zero_eigenvalues() -> None:
    found = ends(Matrices([torch.zeros(30, 30)]), parameters(30, torch.float32))
    assert (found.top[0].value, found.bottom[0].value, found.radius) == (0, 0, 0)


def test_the_extreme_eigenpairs_of_a_preconditioned_hessian() -> None:
    """P^-½HP^-½ has the eigenvalues of the generalised problem, and P^-½ maps its eigenvectors to those."""
    matrix, scale = with_spectrum(list(np.linspace(-2, 5, 60))), torch.linspace(0.1, 3, 60, dtype=ONE)
    exact, vectors = scipy.linalg.eigh(matrix.numpy(), np.diag(scale.numpy()))
    found = ends(Preconditioned(Matrices([matrix]), [scale]), parameters(60), tolerance=1e-9)
    assert (found.bottom[0].value, found.top[0].value) == pytest.approx((exact[0], exact[-1]))
    own = found.top[0].vector[0] / scale.sqrt()
    assert abs(float(own / own.norm() @ vectors[:, -1])) == pytest.approx(np.linalg.norm(vectors[:, -1]))
